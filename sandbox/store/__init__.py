"""Rows of the sandbox floor to domain types and back. A change of state always takes the ledger entry that records it."""
