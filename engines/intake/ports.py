"""What intake needs from outside, and nothing more. Wiring hands in the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from catalog.keys.ports import Envelope, KeyAgent
from catalog.topic import Written
from engines.intake.batches import Batch
from sandbox.jail.jailer import start_jail
from sandbox.jail.spec import JailResult, JailSpec

Step = Literal["intent", "published", "refused"]


class StartJail(Protocol):
    def __call__(self, spec: JailSpec, collect_to: Path) -> JailResult:
        """Run one program in the jail; its declared outputs end in ``collect_to``. Raises JailUnavailable, never runs weaker."""
        ...


class Snapshots(Protocol):
    """Where desensitised tables go; ``catalog.topic.Topic`` is one."""

    def find_by_tag(self, dataset: str, tag: str) -> Written | None:
        """The snapshot committed under ``tag``, or None when none was."""
        ...

    def write(self, dataset: str, table: pa.Table, *, tag: str) -> Written:
        """Commit ``table`` as the dataset's next snapshot: all of it or nothing."""
        ...


class Quarantine(Protocol):
    """Where sealed quarantine files lie: raw-zone rules, the department's officer only."""

    def write(self, batch: Batch, sealed: bytes) -> None:
        """Keep the batch's quarantined rows; replaces what an earlier attempt left."""
        ...

    def discard(self, batch: Batch) -> None:
        """Forget the batch's quarantined rows. Safe to repeat."""
        ...


Record = Callable[[Step, Batch, Mapping[str, Any]], None]
"""Told before the commit (``intent``) and after it (``published``), or that nothing was kept (``refused``). Counts and names only."""


@dataclass(frozen=True, slots=True)
class IntakeServices:
    """``work`` is this attempt's 0700 folder in memory; ``environment`` the jail's locked Python environment."""

    environment: Path
    work: Path
    key_agent: KeyAgent
    envelope: Envelope
    snapshots: Snapshots
    quarantine: Quarantine
    record: Record
    start_jail: StartJail = start_jail
