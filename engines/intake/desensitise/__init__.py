"""From checked rows to what the topic database may hold: one recipe per field, named by the contract."""
