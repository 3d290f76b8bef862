"""Rows of the jobs floor to domain types and back: jobs with their attempts, and the mailbox's envelopes."""
