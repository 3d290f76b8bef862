"""Intake: the one reader of raw rows. Parse in the jail, check, desensitise, publish; matching and consents, which need identifiers."""
