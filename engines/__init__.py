"""What runs around the box on the same job framework. Engines are strangers to one another."""
