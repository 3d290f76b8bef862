"""Batches as rows: what arrived, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from catalog import clock
from catalog.database import Tx
from engines.intake.tables import batches


@dataclass(frozen=True, slots=True)
class BatchRow:
    id: str
    dataset: str
    file_name: str
    sha256: str
    job_id: str
    snapshot_id: str | None
    rows_read: int | None
    rows_quarantined: int | None
    reasons: Mapping[str, int]
    received_at: datetime


def add_batch(tx: Tx, *, batch_id: str, dataset: str, file_name: str, sha256: str, job_id: str, received_at: datetime) -> None:
    """With the ledger record of the job that takes it in."""
    tx.execute(
        insert(batches).values(
            id=batch_id, dataset=dataset, file_name=file_name, sha256=sha256, job_id=job_id, received_at=clock.to_iso(received_at)
        )
    )


def finish_batch(tx: Tx, batch_id: str, *, snapshot_id: str, rows_read: int, rows_quarantined: int, reasons: Mapping[str, int]) -> None:
    tx.execute(
        update(batches)
        .where(batches.c.id == batch_id)
        .values(snapshot_id=snapshot_id, rows_read=rows_read, rows_quarantined=rows_quarantined, reasons=json.dumps(dict(reasons)))
    )


def batch_of_job(tx: Tx, job_id: str) -> BatchRow | None:
    row: Any = tx.execute(select(batches).where(batches.c.job_id == job_id)).one_or_none()
    if row is None:
        return None
    reasons = json.loads(row.reasons) if row.reasons else {}
    received = clock.from_iso(row.received_at)
    return BatchRow(
        row.id, row.dataset, row.file_name, row.sha256, row.job_id, row.snapshot_id, row.rows_read, row.rows_quarantined, reasons, received
    )
