"""Rows to domain types and back, one file per group of tables. A change always takes the ledger entry that records it."""
