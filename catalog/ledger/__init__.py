"""The ledger: what happened, in an order nobody can change without it showing. Records, tree, checkpoints, verification."""
