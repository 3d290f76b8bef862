"""One ledger record: canonical JSON (RFC 8785), a salted commitment to its payload, and the hash of the one before it.

The payload lives in another table and may be erased; the record and its commitment stay.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog import canonical_json
from catalog.actors import Actor

RECORD_VERSION = 1
GENESIS = "0" * 64
SALT_BYTES = 16
_LEAF, _NODE = b"\x00", b"\x01"
_HEX64 = re.compile(r"[0-9a-f]{64}")
FIELDS = frozenset(
    {"v", "suite", "seq", "time", "actor", "organisation", "action", "object", "object_seq", "before", "after", "prev", "payload_commit"}
)
_NUMBERS = frozenset({"v", "seq", "object_seq"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What a caller says happened. The store adds sequence, time and chain. ``before``/``after`` are short state words."""

    actor: str
    organisation: str
    action: str
    object: str
    before: str = ""
    after: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def by(cls, actor: Actor, action: str, about: str, /, *, before: str = "", after: str = "", **payload: Any) -> Entry:
        """The usual entry: who, from where, did what to which object; keywords are the payload."""
        return cls(actor.login, actor.organisation_id, action, about, before, after, payload)


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """A stored record: its canonical bytes decide; everything else is read out of them."""

    seq: int
    canonical: bytes
    leaf: str


def commit_payload(payload: Mapping[str, Any], salt: bytes) -> str:
    """SHA-256 over salt and canonical payload: hides a guessable payload once the salt is erased with it."""
    return hashlib.sha256(salt + canonical_json.dumps(dict(payload))).hexdigest()


def new_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def leaf_hash(canonical: bytes) -> str:
    """RFC 6962 leaf: SHA-256(0x00 ‖ record)."""
    return hashlib.sha256(_LEAF + canonical).hexdigest()


def node_hash(left: str, right: str) -> str:
    """RFC 6962 interior node: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(_NODE + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def build_record(entry: Entry, *, suite: str, seq: int, time: str, object_seq: int, prev: str, payload_commit: str) -> LedgerRecord:
    body = {
        "v": RECORD_VERSION,
        "suite": suite,
        "seq": seq,
        "time": time,
        "actor": entry.actor,
        "organisation": entry.organisation,
        "action": entry.action,
        "object": entry.object,
        "object_seq": object_seq,
        "before": entry.before,
        "after": entry.after,
        "prev": prev,
        "payload_commit": payload_commit,
    }
    canonical = canonical_json.dumps(body)
    return LedgerRecord(seq, canonical, leaf_hash(canonical))


def read_record(canonical: bytes) -> dict[str, Any]:
    """The record's fields. Raises ValueError when the bytes are not a canonical record of a known version."""
    body = canonical_json.loads(canonical)
    if not isinstance(body, dict) or set(body) != FIELDS or body["v"] != RECORD_VERSION:
        raise ValueError("not a record")
    if canonical_json.dumps(body) != canonical:
        raise ValueError("not canonical")
    if not all(isinstance(body[key], int if key in _NUMBERS else str) for key in FIELDS):
        raise ValueError("not the type of its field")
    if not (_HEX64.fullmatch(str(body["prev"])) and _HEX64.fullmatch(str(body["payload_commit"]))):
        raise ValueError("not a hash")
    return body
