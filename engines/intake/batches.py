"""The nouns of intake: a batch that arrived, what inspection found, what was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from catalog.contracts import DatasetContract
from engines.intake.quality.rules import RuleResult


@dataclass(frozen=True, slots=True)
class Batch:
    """One delivered file. ``sha256`` (hex) is what its department announced; ``received_at`` is aware UTC."""

    contract: DatasetContract
    path: Path
    sha256: str
    received_at: datetime
    batch_id: str

    @property
    def tag(self) -> str:
        """The snapshot's name in the topic database: one batch, one snapshot, however often it is tried."""
        return self.batch_id

    @property
    def quarantine_scope(self) -> str:
        """The envelope scope that only the owning department's officer may open."""
        return f"quarantine:{self.contract.department}"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What inspection found, in counts; and the raw rows it parted, which stay in this process and are never shown."""

    rows_read: int
    rows_good: int
    rows_quarantined: int
    encoding: str
    reasons: Mapping[str, int]
    results: tuple[RuleResult, ...]
    good: pl.DataFrame = field(repr=False, compare=False)
    bad: pl.DataFrame = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Counts and rule names only: fit for ledger, log and report."""
        return {
            "rows_read": self.rows_read,
            "rows_good": self.rows_good,
            "rows_quarantined": self.rows_quarantined,
            "encoding": self.encoding,
            "reasons": dict(self.reasons),
            "rules": [result.to_json() for result in self.results],
        }


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot that jobs may be granted."""

    dataset: str
    snapshot_id: int
    rows: int
    tag: str
    inspection: Inspection = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Names and counts only."""
        return {"dataset": self.dataset, "snapshot_id": self.snapshot_id, "rows": self.rows, "tag": self.tag}
