"""The contract's quality rules in one pass; rows that fail are set aside with their reasons."""
