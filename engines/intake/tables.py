"""Tables of the intake engine: what arrived, and what became of it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from catalog.database import metadata
from catalog.tables import INSTANT

batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset", ForeignKey("datasets.name"), nullable=False, index=True),
    Column("file_name", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("snapshot_id", ForeignKey("snapshots.id")),
    Column("rows_read", Integer),
    Column("rows_quarantined", Integer),
    Column("reasons", Text),
    Column("received_at", String(INSTANT), nullable=False),
)
