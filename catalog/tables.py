"""Tables of the catalog floor. Instants are RFC 3339 text in UTC; sets and documents are canonical JSON text."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from catalog.database import metadata

INSTANT = 27  # 2026-11-23T20:45:14.000000Z
INTENDED = "status = 'intended'"

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name_zh", String(200), nullable=False),
    Column("name_en", String(200), nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("must_change_password", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("failed_sign_ins", Integer, nullable=False, default=0),
    Column("locked_until", String(INSTANT)),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("role", String(32), primary_key=True),
)

# Bearer tokens and console sessions: only their SHA-256 is kept.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", String(INSTANT), nullable=False),
    Column("expires_at", String(INSTANT), nullable=False),
    Column("revoked_at", String(INSTANT)),
)

# Public halves of keys people and banks made on their side; in force once another officer confirmed the fingerprint.
personal_keys = Table(
    "personal_keys",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("user_id", ForeignKey("users.id")),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("document", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("registered_at", String(INSTANT), nullable=False),
    Column("confirmed_at", String(INSTANT)),
    Column("confirmed_by", String(64)),
    Column("revoked_at", String(INSTANT)),
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("impact_assessment", Text, nullable=False),
    Column("scenario", String(200), nullable=False),
    Column("expires_at", String(INSTANT), nullable=False),
    Column("code_approval", String(8), nullable=False),
    Column("closed_at", String(INSTANT)),
    UniqueConstraint("organisation_id", "name"),
)

project_members = Table(
    "project_members",
    metadata,
    Column("project_id", ForeignKey("projects.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False, index=True),
    Column("dataset", String(64), nullable=False),
    Column("fields", Text, nullable=False),
    Column("granted_by", String(64), nullable=False),
    Column("created_at", String(INSTANT), nullable=False),
    Column("expires_at", String(INSTANT), nullable=False),
    Column("revoked_at", String(INSTANT)),
)

consents = Table(
    "consents",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("domain", String(32), nullable=False),
    Column("topic_id", String(32), nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("valid_from", String(INSTANT), nullable=False),
    Column("valid_to", String(INSTANT), nullable=False),
    Column("withdrawn_at", String(INSTANT)),
    Index("ix_consents_scope", "organisation_id", "topic_id"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("department", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("contract", Text, nullable=False),
    Column("contract_hash", String(64), nullable=False),
    Column("added_at", String(INSTANT), nullable=False),
)

features = Table(
    "features",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("document", Text, nullable=False),
    Column("added_at", String(INSTANT), nullable=False),
)

# A publication: intent is recorded before the table format commits, publication after it; recovery reconciles by tag.
snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset", ForeignKey("datasets.name"), nullable=False, index=True),
    Column("tag", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("contract_hash", String(64), nullable=False),
    Column("batch_sha256", String(64), nullable=False),
    Column("table_snapshot", BigInteger),
    Column("rows", Integer),
    Column("rows_quarantined", Integer),
    Column("intended_at", String(INSTANT), nullable=False),
    Column("published_at", String(INSTANT)),
    Column("pin_until", String(INSTANT)),
    Index("uq_snapshots_one_open_intent", "dataset", unique=True, sqlite_where=text(INTENDED), postgresql_where=text(INTENDED)),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("suite", String(8), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("last_leaf", String(64), nullable=False),
    Column("frontier", Text, nullable=False),
    Column("checkpoint_size", BigInteger, nullable=False),
)

ledger_records = Table(
    "ledger_records",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("canonical", LargeBinary, nullable=False),
    Column("leaf", String(64), nullable=False),
    Column("object", String(128), nullable=False, index=True),
    Column("action", String(64), nullable=False),
)

ledger_objects = Table(
    "ledger_objects",
    metadata,
    Column("object", String(128), primary_key=True),
    Column("seq", Integer, nullable=False),
)

ledger_payloads = Table(
    "ledger_payloads",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("time", String(INSTANT), nullable=False),
)
