"""What a job is given and what it leaves: cohorts, point-in-time features, inputs in memory, declared outputs, the vault, environments."""
