"""What the platform remembers of its ledger outside the database, so that a database set back does not verify as whole.

Whoever can write both database and home can still deceive it; the checkpoints in banks' packages are the witnesses beyond its reach.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from catalog import canonical_json
from catalog.database import Database
from catalog.errors import IntegrityBroken
from catalog.private_files import write_over
from catalog.store import ledger

CHECKPOINTS: Final = "checkpoints.json"
KEPT: Final = 200


def remember_newest(database: Database, trust_dir: Path) -> None:
    """Add the newest stored checkpoint to ``checkpoints.json``, atomically. Safe to repeat.

    Larger trees that were seen before stay: a ledger that was set back and signed anew is to be noticed.
    """
    with database.reading() as tx:
        stored = ledger.newest_checkpoint(tx)
    notes = _read(trust_dir)
    if stored is None or (note := json.loads(stored)) in notes:
        return
    notes = sorted([*notes, note], key=lambda each: int(each["size"]))[-KEPT:]
    trust_dir.mkdir(mode=0o700, exist_ok=True)
    write_over(trust_dir / CHECKPOINTS, canonical_json.dumps({"v": 1, "checkpoints": notes}) + b"\n")


def remembered(trust_dir: Path) -> list[str]:
    """The notes, for ``verify_ledger``. Raises IntegrityBroken("trust.seen_damaged")."""
    return [json.dumps(note) for note in _read(trust_dir)]


def _read(trust_dir: Path) -> list[dict[str, Any]]:
    path = trust_dir / CHECKPOINTS
    if not path.exists():
        return []
    try:
        notes = canonical_json.loads(path.read_bytes())["checkpoints"]
        if not all(isinstance(note, dict) and type(note["size"]) is int for note in notes):
            raise ValueError("notes")
        return list(notes)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise IntegrityBroken("trust.seen_damaged", path=str(path)) from None
