"""What a package says about itself: the one document the release key signs. Shared by the writer and the offline reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from catalog import canonical_json, clock
from catalog.checkpoint import Checkpoint
from catalog.errors import GloveboxError, IntegrityBroken
from catalog.keys.ports import INTERNATIONAL
from sandbox.airlock.votes import ReleaseFacts, SignedVote

VERSION: Final = 1
PURPOSE: Final = "release"
MANIFEST, SIGNATURE, PAYLOAD = "manifest.json", "manifest.sig", "payload.age"
LIMITS: Final[Mapping[str, int]] = {MANIFEST: 1 << 20, SIGNATURE: 1 << 10, PAYLOAD: 512 << 20}  # bytes, checked before reading
LARGEST_PACKAGE: Final = sum(LIMITS.values()) + (4 << 10)  # the ZIP's own headers
ROWS_CAN_BE_REMOVED_FROM: Final = frozenset({"scores"})  # the one type of file that holds rows
CHECKPOINT_AGE: Final = timedelta(hours=1)  # a package carries a checkpoint taken for it, not an old one

_TEXTS = (
    *("custody", "platform", "release_id", "kind", "tenant_id", "project_id", "author", "recipient_fingerprint"),
    *("payload_sha256", "spec_hash", "policy_hash", "check_report_hash"),
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,97}[A-Za-z0-9])?")  # no folder, no leading dot, fits ustar's 100 bytes
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the payload. ``reviewed_sha256`` is what was voted on: ``sha256`` itself, or for scores a salted commitment.

    Of scores nobody outside can tell whether rows were removed after the votes: a withdrawn subject looks like one never matched.
    """

    name: str
    type: str
    sha256: str
    size: int
    reviewed_sha256: str

    @property
    def committed(self) -> bool:
        return self.sha256 != self.reviewed_sha256


@dataclass(frozen=True, slots=True)
class Manifest:
    """``payload_sha256`` and ``payload_size`` describe the sealed bytes; ``references`` names code, environment, snapshot, …;
    for a model on code features its ``codes`` is JSON: by feature the texts whose positions the model's thresholds are about.

    ``author`` is the user who wrote the release, ``tenant_id`` that user's organisation, ``platform`` the ledger's origin.
    """

    custody: str
    platform: str
    release_id: str
    attempt: int
    kind: str
    tenant_id: str
    project_id: str
    author: str
    grade: int
    created: datetime
    recipient_fingerprint: str
    files: tuple[FileEntry, ...]
    payload_sha256: str
    payload_size: int
    spec_hash: str
    policy_hash: str
    check_report_hash: str
    references: Mapping[str, str]
    votes: tuple[SignedVote, ...]
    checkpoint: Checkpoint
    suite: str = INTERNATIONAL

    def facts(self) -> ReleaseFacts:
        """What two officers must have signed for this package to exist."""
        return ReleaseFacts(
            release_id=self.release_id,
            attempt=self.attempt,
            files={file.name: file.reviewed_sha256 for file in self.files},
            spec_hash=self.spec_hash,
            policy_hash=self.policy_hash,
            check_report_hash=self.check_report_hash,
            recipient_fingerprint=self.recipient_fingerprint,
            grade=self.grade,
            author=self.author,
            author_organisation=self.tenant_id,
        )

    def canonical_bytes(self) -> bytes:
        """The member ``manifest.json``, byte for byte; what the release key signs."""
        return canonical_json.dumps(self.to_json())

    def to_json(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            "v": VERSION,
            **plain,
            "created": clock.to_iso(self.created),
            "files": [{field.name: getattr(file, field.name) for field in fields(file)} for file in self.files],
            "references": dict(self.references),
            "votes": [vote.to_json() for vote in self.votes],
            "checkpoint": self.checkpoint.to_json(),
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read what ``canonical_bytes`` wrote. Raises IntegrityBroken("package.malformed", member="manifest.json")."""
        try:
            manifest = cls._parse(canonical_json.loads(data))
            if manifest.canonical_bytes() != data:
                raise ValueError("a manifest has one spelling")
        except (GloveboxError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise IntegrityBroken("package.malformed", member=MANIFEST) from None
        return manifest

    @classmethod
    def _parse(cls, document: Any) -> Manifest:
        if document["v"] != VERSION or document["suite"] != INTERNATIONAL:
            raise ValueError("version or suite")
        values = {name: value for name, value in document.items() if name != "v"}
        for name in ("attempt", "grade", "payload_size"):
            if type(values[name]) is not int:
                raise ValueError(name)
        for name in _TEXTS:
            if not isinstance(values[name], str):
                raise ValueError(name)
        values["created"] = clock.from_iso(values["created"])
        values["files"] = tuple(FileEntry(**entry) for entry in values["files"])
        values["votes"] = tuple(SignedVote.from_json(vote) for vote in values["votes"])
        values["checkpoint"] = Checkpoint.from_json(values["checkpoint"])
        check_files(values["files"])
        return cls(**values)


def check_files(files: tuple[FileEntry, ...]) -> None:
    """Names that are safe to write on any disk and differ on all, true hashes, rows removed only from scores. Raises ValueError."""
    if not files or len({file.name.casefold() for file in files}) != len(files):
        raise ValueError("file names")
    for file in files:
        if _NAME.fullmatch(file.name) is None or not isinstance(file.type, str):
            raise ValueError("file name or type")
        if _HASH.fullmatch(file.sha256) is None or _HASH.fullmatch(file.reviewed_sha256) is None:
            raise ValueError("file hash")
        if type(file.size) is not int or not 0 <= file.size <= LIMITS[PAYLOAD]:
            raise ValueError("file size")
        if file.committed and file.type not in ROWS_CAN_BE_REMOVED_FROM:
            raise ValueError("other bytes than were reviewed")
