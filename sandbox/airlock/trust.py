"""What a bank pins before its first package: the platform's public keys and officers; and what it remembers of the ledger since."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalog import canonical_json
from catalog.checkpoint import Checkpoint
from catalog.errors import BadInput, GloveboxError, IntegrityBroken
from catalog.keys.ports import INTERNATIONAL
from catalog.keys.public import read_public_key
from catalog.keys.signatures import fingerprint
from catalog.private_files import write_over
from sandbox.airlock.officers import OfficerKey

VERSION: Final = 1
CHECKPOINTS_KEPT: Final = 1000
_FIELDS = {"v", "platform", "release_keys", "ledger_keys", "officers"}


@dataclass(frozen=True, slots=True)
class TrustFile:
    """``release_keys`` and ``ledger_keys``: public keys of 32 bytes, the newest last. ``path``: where the file lies, if anywhere."""

    platform: str
    release_keys: tuple[bytes, ...]
    ledger_keys: tuple[bytes, ...]
    officers: tuple[OfficerKey, ...] = ()
    path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "platform": self.platform,
            "release_keys": [_pinned(key) for key in self.release_keys],
            "ledger_keys": [_pinned(key) for key in self.ledger_keys],
            "officers": [officer.to_json() for officer in self.officers],
        }

    @classmethod
    def load(cls, path: Path) -> TrustFile:
        """Read a trust file. Raises BadInput("trust.malformed")."""
        try:
            document = canonical_json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            raise BadInput("trust.malformed", path=str(path)) from None
        return cls.from_json(document, path)

    @classmethod
    def from_json(cls, document: Mapping[str, Any], path: Path | None = None) -> TrustFile:
        """Read what ``to_json`` wrote. Raises BadInput("trust.malformed")."""
        try:
            if set(document) != _FIELDS or document["v"] != VERSION or not isinstance(document["platform"], str):
                raise ValueError("fields")
            keys = [tuple(_read_pinned(key) for key in document[name]) for name in ("release_keys", "ledger_keys")]
            officers = tuple(OfficerKey.from_json(officer) for officer in document["officers"])
            return cls(document["platform"], keys[0], keys[1], officers, path)
        except (GloveboxError, ValueError, TypeError, KeyError):
            raise BadInput("trust.malformed", path=str(path) if path else "-") from None

    @property
    def seen_path(self) -> Path | None:
        """Where the checkpoints seen so far are remembered: ``<trust>.seen.json``."""
        return None if self.path is None else self.path.with_name(self.path.name + ".seen.json")


def key_named(keys: Sequence[bytes], key_id: str) -> bytes | None:
    """The pinned key with this id."""
    return next((key for key in keys if fingerprint(key) == key_id), None)


def check_against_seen(note: Checkpoint, seen: Sequence[Checkpoint]) -> None:
    """One ledger only grows: equal sizes have equal roots, and what is later is not smaller.

    An older package may be looked at again after a newer one; a *later* note about a smaller tree is a ledger set back.
    Raises IntegrityBroken("trust.ledger_forked" | "trust.ledger_shrank").
    """
    for known in seen:
        if known.size == note.size and known.root != note.root:
            raise IntegrityBroken("trust.ledger_forked", size=note.size)
        earlier, later = sorted((known, note), key=lambda each: each.time)
        if earlier.time < later.time and earlier.size > later.size:
            raise IntegrityBroken("trust.ledger_shrank", seen=earlier.size, size=later.size)


def seen_checkpoints(trust: TrustFile) -> list[Checkpoint]:
    """What is remembered, smallest tree first. Raises IntegrityBroken("trust.seen_damaged")."""
    if trust.seen_path is None or not trust.seen_path.exists():
        return []
    try:
        document = canonical_json.loads(trust.seen_path.read_bytes())
        return [Checkpoint.from_json(note) for note in document["checkpoints"]]
    except (IntegrityBroken, OSError, ValueError, TypeError, KeyError, RecursionError):
        raise IntegrityBroken("trust.seen_damaged", path=str(trust.seen_path)) from None


def remember(trust: TrustFile, note: Checkpoint) -> None:
    """Add ``note``, already verified, to what is remembered beside the trust file; the highest are kept. Safe to repeat.

    Raises BadInput("trust.cannot_remember"): a witness that forgets is none.
    """
    if trust.seen_path is None:
        return
    notes = {(each.size, each.root, each.time): each for each in [note, *seen_checkpoints(trust)]}
    kept = [notes[key] for key in sorted(notes)][-CHECKPOINTS_KEPT:]
    memory = canonical_json.dumps({"v": VERSION, "checkpoints": [each.to_json() for each in kept]})
    try:
        write_over(trust.seen_path, memory + b"\n")
    except OSError:
        raise BadInput("trust.cannot_remember", path=str(trust.seen_path)) from None


def _pinned(key: bytes) -> dict[str, str]:
    return {"suite": INTERNATIONAL, "key_id": fingerprint(key), "public_key": base64.b64encode(key).decode("ascii")}


def _read_pinned(document: Mapping[str, Any]) -> bytes:
    key = read_public_key(document["public_key"])
    if dict(document) != _pinned(key):
        raise ValueError("key")
    return key
