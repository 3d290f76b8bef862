"""The doors: HTTP API, console, CLI, client, wiring and migrations."""
