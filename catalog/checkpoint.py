"""A checkpoint of the ledger: its size and tree root at an instant, signed by the ledger's own key. Witnesses hold these outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog import canonical_json, clock
from catalog.errors import IntegrityBroken
from catalog.keys.ports import Signature, Signer
from catalog.keys.signatures import verify

VERSION = 1
PURPOSE = "ledger"
LARGEST_SIZE = 2**53 - 1  # the largest integer that canonical JSON carries exactly (RFC 8785, 3.2.2.3)
_FIELDS = {"v", "suite", "origin", "size", "root", "time", "signature"}
_ROOT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``origin`` is the platform's name, ``size`` the number of leaves, ``root`` the tree's root (SHA-256, hex, RFC 6962)."""

    suite: str
    origin: str
    size: int
    root: str
    time: datetime
    signature: Signature

    def statement(self) -> bytes:
        """The canonical bytes that are signed: the note without its signature."""
        return _statement(self.suite, self.origin, self.size, self.root, self.time)

    def to_json(self) -> dict[str, Any]:
        """``{v, suite, origin, size, root, time, signature}``."""
        return {**_note(self.suite, self.origin, self.size, self.root, self.time), "signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Checkpoint:
        """Read what ``to_json`` wrote. Raises IntegrityBroken("checkpoint.malformed") for anything else."""
        try:
            return cls._parse(document)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise IntegrityBroken("checkpoint.malformed") from None

    @classmethod
    def _parse(cls, document: Mapping[str, Any]) -> Checkpoint:
        if set(document) != _FIELDS or type(document["v"]) is not int or document["v"] != VERSION:
            raise ValueError("fields")
        size, root, suite, origin = document["size"], document["root"], document["suite"], document["origin"]
        if (
            type(size) is not int
            or not 0 <= size <= LARGEST_SIZE
            or _ROOT.fullmatch(root) is None
            or not isinstance(suite, str)
            or not isinstance(origin, str)
        ):
            raise ValueError("values")
        note = cls(suite, origin, size, root, clock.from_iso(document["time"]), Signature.from_json(document["signature"]))
        if note.to_json() != dict(document):
            raise ValueError("a note has one spelling")
        return note


def sign_checkpoint(signer: Signer, origin: str, size: int, root: str, time: datetime) -> Checkpoint:
    """A signed note. ``signer`` must be the ledger's (ValueError else); it signs nothing but notes."""
    if signer.purpose != PURPOSE:
        raise ValueError("a checkpoint is signed by the ledger key")
    return Checkpoint(signer.suite, origin, size, root, time, signer.sign(_statement(signer.suite, origin, size, root, time)))


def verify_checkpoint(note: Checkpoint, public_key: bytes) -> None:
    """Raises IntegrityBroken("checkpoint.not_signed") unless the ledger key ``public_key`` signed ``note``."""
    if note.suite != note.signature.suite or not verify(public_key, PURPOSE, note.statement(), note.signature):
        raise IntegrityBroken("checkpoint.not_signed", size=note.size)


def _note(suite: str, origin: str, size: int, root: str, time: datetime) -> dict[str, Any]:
    return {"v": VERSION, "suite": suite, "origin": origin, "size": size, "root": root, "time": clock.to_iso(time)}


def _statement(suite: str, origin: str, size: int, root: str, time: datetime) -> bytes:
    return canonical_json.dumps(_note(suite, origin, size, root, time))
