"""``glovebox demo``: the whole story on one machine, through the same HTTP API and client that everybody uses. All data are made up."""
