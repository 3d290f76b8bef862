"""Writing a package: re-hash the bytes, ask for two votes, seal to the bank, sign. The one form in which anything leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from catalog import canonical_json
from catalog.checkpoint import Checkpoint
from catalog.errors import BadInput, PolicyRefusal
from catalog.keys.ports import Signer
from catalog.keys.sealing import recipient_fingerprint, seal_to
from catalog.private_files import write_new
from sandbox.airlock.archive import write_tar, write_zip
from sandbox.airlock.manifest import CHECKPOINT_AGE, LIMITS, MANIFEST, PAYLOAD, PURPOSE, SIGNATURE, FileEntry, Manifest, check_files
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.votes import SignedVote, two_votes_for

SUFFIX: Final = ".gbx"


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file as it will leave. ``reviewed_sha256`` is what was voted on, where that is not the hash of ``data`` (type ``scores``:
    a salted commitment, so that the package does not tell whether ``rows_removed``).
    """

    name: str
    type: str
    data: bytes
    reviewed_sha256: str | None = None
    rows_removed: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingRelease:
    """What is known of a release besides its bytes. ``recipient``: the bank's confirmed age recipient; hashes are SHA-256 hex."""

    platform: str
    release_id: str
    attempt: int
    kind: str
    tenant_id: str
    project_id: str
    author: str
    grade: int
    recipient: str
    spec_hash: str
    policy_hash: str
    check_report_hash: str
    references: Mapping[str, str]
    custody: str = "embedded"


def build_package(
    release: OutgoingRelease,
    files: Sequence[OutgoingFile],
    votes: Sequence[SignedVote],
    *,
    officers: Sequence[OfficerKey],
    checkpoint: Checkpoint,
    signer: Signer,
    now: datetime,
) -> bytes:
    """The bytes of a ``.gbx``. ``officers`` is the signer's own list; ``now`` becomes the package's instant of creation.

    Raises PolicyRefusal when the votes do not cover these very bytes or the checkpoint is stale, BadInput for files that cannot
    be packed, ValueError for a signer of another purpose.
    """
    if signer.purpose != PURPOSE:
        raise ValueError("a package is signed by the release key")
    if checkpoint.origin != release.platform or abs(now - checkpoint.time) > CHECKPOINT_AGE:
        raise PolicyRefusal("package.stale_checkpoint", release=release.release_id)
    payload = seal_to([release.recipient], write_tar([(file.name, file.data) for file in files]))
    manifest = _manifest(release, files, payload, votes, checkpoint, now)
    two_votes_for(replace(manifest.facts(), rows_removed=any(file.rows_removed for file in files)), votes, officers, now)
    body = manifest.canonical_bytes()
    members = [(MANIFEST, body), (SIGNATURE, canonical_json.dumps(signer.sign(body).to_json())), (PAYLOAD, payload)]
    for name, data in members:
        if len(data) > LIMITS[name]:
            raise BadInput("package.too_large", member=name, limit=LIMITS[name])
    return write_zip(members)


def write_package(path: Path, package: bytes) -> None:
    """Put a package on disk, whole or not at all, 0600. Raises BadInput("private_file.exists")."""
    write_new(path, package)


def _manifest(
    release: OutgoingRelease,
    files: Sequence[OutgoingFile],
    payload: bytes,
    votes: Sequence[SignedVote],
    checkpoint: Checkpoint,
    now: datetime,
) -> Manifest:
    entries = tuple(_entry(file) for file in files)
    try:
        check_files(entries)
    except ValueError as problem:
        raise BadInput("package.bad_file", problem=str(problem)) from None
    return Manifest(
        custody=release.custody,
        platform=release.platform,
        release_id=release.release_id,
        attempt=release.attempt,
        kind=release.kind,
        tenant_id=release.tenant_id,
        project_id=release.project_id,
        author=release.author,
        grade=release.grade,
        created=now,
        recipient_fingerprint=recipient_fingerprint(release.recipient),
        files=entries,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        payload_size=len(payload),
        spec_hash=release.spec_hash,
        policy_hash=release.policy_hash,
        check_report_hash=release.check_report_hash,
        references=release.references,
        votes=tuple(votes),
        checkpoint=checkpoint,
    )


def _entry(file: OutgoingFile) -> FileEntry:
    digest = hashlib.sha256(file.data).hexdigest()
    return FileEntry(file.name, file.type, digest, len(file.data), file.reviewed_sha256 or digest)
