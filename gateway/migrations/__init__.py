"""The metadata database's schema, step by step. ``upgrade`` brings a database of any age, or an empty one, to the newest."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from catalog.database import Database, Tx

FOLDER = Path(__file__).parent
# One writer migrates at a time: SQLite's write lock does it there, this advisory lock on PostgreSQL ("glovebox" in ASCII, 8 bytes).
MIGRATION_LOCK = int.from_bytes(b"glovebox", "big", signed=True)


def upgrade(database_url: str) -> None:
    """Bring the database to the newest schema, all steps in one transaction or none. Safe to repeat, and from two processes at once."""
    database = Database(database_url)
    try:
        with database.transaction() as tx:
            upgrade_within(tx)
    finally:
        database.close()


def upgrade_within(tx: Tx) -> None:
    """The same inside the caller's transaction."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    command.upgrade(config_for(tx), "head")


def config_for(tx: Tx) -> Config:
    """Alembic's configuration, without a file: env.py takes the connection from its attributes."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config
