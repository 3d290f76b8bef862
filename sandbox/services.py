"""What the wiring hands to the sandbox's kinds and to the engines above: stores and ports, built once per process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.database import Database
from catalog.keys.ports import Envelope, KeyAgent, Reception, TokenKeys
from catalog.settings import Settings
from catalog.topic import Topic
from sandbox.workspace.vault import Vault


@dataclass(frozen=True, slots=True)
class SandboxServices:
    """``vault`` keeps undelivered artefacts (swept after 30 days); ``tenant_store`` keeps cohorts and approved models.

    ``key_agent`` exists on the intake side only: a worker that serves banks is built without one.
    """

    settings: Settings
    database: Database
    topic: Topic
    envelope: Envelope
    token_keys: TokenKeys
    reception: Reception
    vault: Vault
    tenant_store: Vault
    jail_environment: Path
    key_agent: KeyAgent | None = None
