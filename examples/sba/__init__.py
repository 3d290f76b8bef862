"""Real loans of real small firms, taken in, modelled in the box, and compared with the same model trained outside."""
