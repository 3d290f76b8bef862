"""``glovebox`` on the command line: the same words as in the HTTP API. One file per area; every command takes ``--json``."""

from gateway.cli.entry import main

__all__ = ["main"]
