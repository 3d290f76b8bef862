"""Tables of the jobs floor."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from catalog.database import metadata
from catalog.tables import INSTANT

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id")),
    Column("submitted_by", ForeignKey("users.id")),
    Column("spec", Text, nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("approval_hash", String(64), nullable=False),
    Column("status", String(24), nullable=False),
    Column("why", Text, nullable=False, default="{}"),
    Column("outcome", String(24)),
    Column("figures", Text, nullable=False, default="{}"),
    Column("evidence", Text, nullable=False, default="{}"),
    Column("attempt", Integer, nullable=False, default=0),
    Column("token", String(64)),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("submitted_at", String(INSTANT), nullable=False),
    Column("started_at", String(INSTANT)),
    Column("ended_at", String(INSTANT)),
    Index("ix_jobs_status", "status", "submitted_at"),
    Index("ix_jobs_project", "project_id", "submitted_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("token", String(64), nullable=False),
    Column("supervisor", String(64), nullable=False),
    Column("heartbeat_at", String(INSTANT), nullable=False),
    Column("claimed_at", String(INSTANT), nullable=False),
    Column("running_at", String(INSTANT)),
    Column("ended_at", String(INSTANT)),
    Column("ending", String(24)),
)

supervisors = Table(
    "supervisors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("seen_at", String(INSTANT), nullable=False),
)

# Writes from the gateway cross to the data zone as envelopes; their receipts cross back.
envelopes = Table(
    "envelopes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("attachment_sha256", String(64)),
    Column("posted_at", String(INSTANT), nullable=False),
    Column("taken_at", String(INSTANT)),
    Column("receipt", Text),
)
