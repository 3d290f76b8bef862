"""The metadata database: one engine, one MetaData, short transactions. SQLite (WAL) by default, PostgreSQL in production.

A write transaction takes SQLite's lock at once (BEGIN IMMEDIATE), so that two writers queue instead of failing at commit.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

# What floors above pass to store functions without knowing SQL.
Tx = Connection

BUSY_TIMEOUT_MILLISECONDS = 30_000


class Database:
    """Opens transactions. ``transaction()`` for a change, ``reading()`` for a consistent look."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Commits when the block ends, rolls back when it raises. Never nest two on one thread: SQLite would wait for itself."""
        with self._engine.connect() as connection:
            writing = connection.execution_options(glovebox_write=True)
            with writing.begin():
                yield writing

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """All statements of the block see one state. On PostgreSQL that takes REPEATABLE READ; SQLite's WAL gives it anyway."""
        with self._engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MILLISECONDS / 1000})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        _enter_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("glovebox_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _enter_wal(connection: Any) -> None:
    """Set the journal mode. When two processes open a new file at once, SQLite refuses one of them without waiting: so we wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
