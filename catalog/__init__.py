"""What is known: organisations, people, permissions, the ledger, keys, contracts, the topic database, consent."""
