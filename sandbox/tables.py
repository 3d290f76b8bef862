"""Tables of the sandbox floor: cohorts, artefacts, releases with their votes, models, scores already given."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from catalog.database import metadata
from catalog.tables import INSTANT

# Rows of a cohort never stand in a table: ``sealed`` (as uploaded) and ``matched`` name encrypted files in the vault.
cohorts = Table(
    "cohorts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("dataset", ForeignKey("datasets.name"), nullable=False),
    Column("uploaded_by", ForeignKey("users.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("matched", Text),
    Column("rows", Integer),
    Column("match_rate", Float),
    Column("labelled", Boolean),
    Column("refusal", Text),
    Column("job_id", String(64)),
    Column("uploaded_at", String(INSTANT), nullable=False),
    UniqueConstraint("project_id", "name", "version"),
)

artefacts = Table(
    "artefacts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("path", String(80), nullable=False),
    Column("type", String(32), nullable=False),
    Column("level", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("created_at", String(INSTANT), nullable=False),
    UniqueConstraint("job_id", "attempt", "name"),
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("author", ForeignKey("users.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("round", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("files", Text, nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("policy_hash", String(64), nullable=False),
    Column("report", Text),
    Column("report_hash", String(64)),
    Column("recipient_fingerprint", String(64), nullable=False),
    Column("removal_allowed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("check_job", String(64)),
    Column("package", Text),
    Column("requested_at", String(INSTANT), nullable=False),
    Column("approved_at", String(INSTANT)),
    Column("released_at", String(INSTANT)),
    Index("ix_releases_state", "state"),
)

votes = Table(
    "votes",
    metadata,
    Column("release_id", ForeignKey("releases.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("decision", String(8), nullable=False),
    Column("vote", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("nonce", String(64), nullable=False, unique=True),
    Column("cast_at", String(INSTANT), nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("release_id", ForeignKey("releases.id"), nullable=False, unique=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("train_job", ForeignKey("jobs.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("path", String(80), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("features", Text, nullable=False),
    Column("bands", Text, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("approved_at", String(INSTANT), nullable=False),
    Column("revoked_at", String(INSTANT)),
)

# One score per subject, model version and period; a repeat returns what stands here.
score_bands = Table(
    "score_bands",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("topic_id", String(32), primary_key=True),
    Column("period", String(7), primary_key=True),
    Column("band", Integer, nullable=False),
)
