"""Verifying a copied ledger away from its platform: an auditor's machine, a copy of the database, the ledger keys that were pinned.

Reads the SQLite file by itself, without the code that wrote it; what the auditor has seen of the ledger before is held against it too.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalog.errors import BadInput, IntegrityBroken
from catalog.ledger.verify import HeadClaim, LedgerReport, verify_ledger
from sandbox.airlock.trust import TrustFile, seen_checkpoints

SIDE_FILES: Final = ("", "-wal")  # SQLite keeps what was written last beside the file; it rebuilds its index of that
SQLITE: Final = b"SQLite format 3\x00"
RECORDS: Final = """
    SELECT r.seq, r.canonical, r.leaf, r.object, r.action, p.salt, p.payload
    FROM ledger_records r LEFT JOIN ledger_payloads p ON p.seq = r.seq ORDER BY r.seq"""


@dataclass(frozen=True, slots=True)
class Row:
    """A record as found, trusted in nothing."""

    seq: int
    canonical: bytes
    leaf: str
    object: str
    action: str
    salt: bytes | None
    payload: bytes | None


def verify_file(database: Path, trust_file: Path) -> dict[str, Any]:
    """The report of a SQLite file, as the platform's own verification answers it. The file is never written to.

    Raises BadInput("client.not_a_ledger") for a file that is no Glovebox database, IntegrityBroken("client.database_broken") for one
    that cannot be read to its end, BadInput("trust.malformed").
    """
    trust = TrustFile.load(trust_file)
    _check_is_sqlite(database)
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(_copied(database, Path(folder)))) as opened:
        try:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"ledger_head", "ledger_records", "ledger_payloads", "ledger_checkpoints"} <= tables:
                raise BadInput("client.not_a_ledger", path=str(database))
            return describe(_verified(opened, trust))
        except sqlite3.Error:
            raise IntegrityBroken("client.database_broken", path=str(database)) from None


def describe(report: LedgerReport) -> dict[str, Any]:
    """{ok, records, checkpoints, signed_size, unsigned_tail, payloads_erased, problems: [{code, record, text, text_zh}]}."""
    problems = [{"code": p.code, "record": p.record, "text": p.text("en"), "text_zh": p.text("zh")} for p in report.problems]
    names = ("ok", "records", "checkpoints", "signed_size", "unsigned_tail", "payloads_erased")
    return {**{name: getattr(report, name) for name in names}, "problems": problems}


def _verified(opened: sqlite3.Connection, trust: TrustFile) -> LedgerReport:
    head = opened.execute("SELECT size, checkpoint_size FROM ledger_head").fetchone()
    notes = [str(note) for (note,) in opened.execute("SELECT note FROM ledger_checkpoints ORDER BY size")]
    seen = [json.dumps(note.to_json()) for note in seen_checkpoints(trust)]
    claim = HeadClaim(-1, None) if head is None else HeadClaim(int(head[0]), int(head[1]))  # no head agrees with no number of records
    return verify_ledger(_rows(opened), notes, trust.ledger_keys, claim, seen)


def _rows(opened: sqlite3.Connection) -> Iterator[Row]:
    for seq, canonical, leaf, about, action, *kept in opened.execute(RECORDS):
        salt, payload = (None if cell is None else _bytes(cell) for cell in kept)
        yield Row(int(seq), _bytes(canonical), str(leaf), str(about), str(action), salt, payload)


def _bytes(value: object) -> bytes:
    """A cell as bytes; one that somebody replaced by a text or a number is no longer what was hashed, and is to be named as such."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def _check_is_sqlite(database: Path) -> None:
    try:
        with database.open("rb") as file:
            is_sqlite = file.read(len(SQLITE)) == SQLITE
    except OSError:
        is_sqlite = False
    if not is_sqlite:
        raise BadInput("client.not_a_ledger", path=str(database))


def _copied(database: Path, folder: Path) -> Path:
    for suffix in SIDE_FILES:
        source = database.with_name(database.name + suffix)
        if source.is_file():
            shutil.copyfile(source, folder / f"ledger.db{suffix}")
    return folder / "ledger.db"
