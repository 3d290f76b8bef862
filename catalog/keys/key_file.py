"""One key, one file: JSON {v, suite, purpose, key_id, created, secret (base64)}, 0600, created once and never overwritten."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog import canonical_json, clock
from catalog.errors import Broken
from catalog.keys.ports import INTERNATIONAL
from catalog.keys.secret import Secret
from catalog.private_files import read_private, write_new

VERSION = 1
_FIELDS = {"v", "suite", "purpose", "key_id", "created", "secret"}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a key file says."""

    suite: str
    purpose: str
    key_id: str
    created: datetime
    secret: Secret = field(repr=False)


def key_path(folder: Path, purpose: str) -> Path:
    """Where the key for ``purpose`` lies."""
    return folder / f"{purpose}.key.json"


def create_key(folder: Path, purpose: str, key_id: str, secret: Secret) -> None:
    """Write a new key file. Raises BadInput("private_file.exists") when the purpose already has its key."""
    document = {
        "v": VERSION,
        "suite": INTERNATIONAL,
        "purpose": purpose,
        "key_id": key_id,
        "created": clock.to_iso(clock.now()),
        "secret": base64.b64encode(secret.reveal()).decode("ascii"),
    }
    write_new(key_path(folder, purpose), canonical_json.dumps(document) + b"\n")


def load_key(folder: Path, purpose: str) -> StoredKey:
    """Read the key for ``purpose``.

    Raises Unavailable when missing, Broken when others could read or replace it, or when it is damaged or another purpose's key.
    """
    path = key_path(folder, purpose)
    raw = read_private(path)
    try:
        return _parse(canonical_json.loads(raw), purpose)
    except (ValueError, TypeError, binascii.Error):
        # The parser's own message may quote the file, and the file holds the key: it is dropped here.
        raise Broken("keys.file_damaged", path=str(path), purpose=purpose) from None


def _parse(document: Any, purpose: str) -> StoredKey:
    if not isinstance(document, dict) or set(document) != _FIELDS:
        raise ValueError("fields")
    if document["v"] != VERSION or document["suite"] != INTERNATIONAL or document["purpose"] != purpose:
        raise ValueError("version, suite or purpose")
    return StoredKey(
        suite=document["suite"],
        purpose=purpose,
        key_id=str(document["key_id"]),
        created=clock.from_iso(document["created"]),
        secret=Secret(base64.b64decode(document["secret"], validate=True)),
    )
