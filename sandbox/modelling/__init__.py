"""Training, evaluating and scoring models inside the jail. Imports nothing of the platform but this folder."""
