"""The jail: where a bank's code and every parser of hostile bytes runs. Whatever layer is missing is a refusal at start, never a weaker jail."""
