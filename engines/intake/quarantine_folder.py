"""Quarantined rows on disk: one sealed file per batch in a folder of the department, never a plain byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.private_files import write_over
from engines.intake.batches import Batch

SUFFIX = ".sealed"


@dataclass(frozen=True, slots=True)
class QuarantineFolder:
    """The ``Quarantine`` port on a local folder."""

    folder: Path

    def path_of(self, batch: Batch) -> Path:
        """Where the batch's sealed rows are or would be."""
        return self.folder / batch.contract.department / f"{batch.batch_id}{SUFFIX}"

    def write(self, batch: Batch, sealed: bytes) -> None:
        """Whole or not at all; replaces what an earlier attempt left."""
        path = self.path_of(batch)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_over(path, sealed)

    def discard(self, batch: Batch) -> None:
        """Safe to repeat."""
        self.path_of(batch).unlink(missing_ok=True)
