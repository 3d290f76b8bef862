"""Verifying a package without the platform: a bank runs this alone, with the trust file it pinned and, to read it, its own key.

Needs no service code. Nothing is parsed before its signature or hash is checked, nothing is written before everything is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from catalog import canonical_json, clock
from catalog.checkpoint import verify_checkpoint
from catalog.errors import BadInput, IntegrityBroken
from catalog.keys.ports import Reception, Signature
from catalog.keys.sealing import recipient_fingerprint
from catalog.keys.signatures import verify
from sandbox.airlock.archive import read_tar, read_zip
from sandbox.airlock.manifest import CHECKPOINT_AGE, LARGEST_PACKAGE, LIMITS, MANIFEST, PAYLOAD, PURPOSE, SIGNATURE, Manifest
from sandbox.airlock.trust import TrustFile, check_against_seen, key_named, remember, seen_checkpoints
from sandbox.airlock.votes import CLOCK_SKEW, check_in_time, check_statements, two_votes_for, verify_vote


@dataclass(frozen=True, slots=True)
class Verified:
    """A package of which every byte was checked. ``files`` is None when no identity was given to open it.

    ``officers_not_pinned``: key ids of voters that the trust file does not know; their signatures could not be checked here.
    """

    manifest: Manifest
    files: Mapping[str, bytes] | None
    officers_not_pinned: tuple[str, ...]


def verify_package(path: Path, trust: TrustFile, identity: Reception | None = None, now: datetime | None = None) -> Verified:
    """Check everything that can be checked; remember the package's checkpoint beside the trust file.

    Raises IntegrityBroken naming the member that is not as it was signed, PolicyRefusal naming the rule that its votes break,
    BadInput for a file that cannot be read or an identity it was not sealed to.
    """
    members = read_zip(_read(path), LIMITS)
    _check_signature(members, trust)
    manifest = Manifest.from_bytes(members[MANIFEST])
    _check_manifest(manifest, trust, now or clock.now())
    _check_payload(manifest, members[PAYLOAD])
    not_pinned = _check_votes(manifest, trust)
    _check_checkpoint(manifest, trust)
    files = None if identity is None else _open(manifest, members[PAYLOAD], identity)
    remember(trust, manifest.checkpoint)
    return Verified(manifest, files, not_pinned)


def extract(verified: Verified, folder: Path) -> None:
    """Write the files to ``folder``, which must not exist yet; it appears complete or not at all. Raises BadInput."""
    if verified.files is None:
        raise BadInput("package.not_opened")
    if folder.exists() or folder.is_symlink():
        raise BadInput("private_file.exists", path=str(folder))
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, data in verified.files.items():
            (staging / name).write_bytes(data)
        os.rename(staging, folder)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_PACKAGE + 1)
    except OSError:
        raise BadInput("package.unreadable", path=str(path)) from None
    if len(data) > LARGEST_PACKAGE:
        raise BadInput("package.too_large", member=path.name, limit=LARGEST_PACKAGE)
    return data


def _check_signature(members: Mapping[str, bytes], trust: TrustFile) -> None:
    try:
        signature = Signature.from_json(canonical_json.loads(members[SIGNATURE]))
        if canonical_json.dumps(signature.to_json()) != members[SIGNATURE]:
            raise ValueError("a signature has one spelling")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise IntegrityBroken("package.malformed", member=SIGNATURE) from None
    key = key_named(trust.release_keys, signature.key_id)
    if key is None:
        raise IntegrityBroken("package.unknown_release_key", member=SIGNATURE, key_id=signature.key_id)
    if not verify(key, PURPOSE, members[MANIFEST], signature):
        raise IntegrityBroken("package.not_signed", member=MANIFEST)


def _check_manifest(manifest: Manifest, trust: TrustFile, now: datetime) -> None:
    if manifest.platform != trust.platform:
        raise IntegrityBroken("package.other_platform", member=MANIFEST, platform=manifest.platform, expected=trust.platform)
    if manifest.created > now + CLOCK_SKEW:
        raise IntegrityBroken("package.from_the_future", member=MANIFEST, created=clock.to_iso(manifest.created))


def _check_payload(manifest: Manifest, payload: bytes) -> None:
    if len(payload) != manifest.payload_size or hashlib.sha256(payload).hexdigest() != manifest.payload_sha256:
        raise IntegrityBroken("package.damaged", member=PAYLOAD)


def _check_votes(manifest: Manifest, trust: TrustFile) -> tuple[str, ...]:
    """Votes are judged at the instant of creation: a package stays good after its votes' seven days."""
    pinned = {officer.key_id: officer for officer in trust.officers}
    not_pinned = tuple(vote.signature.key_id for vote in manifest.votes if vote.signature.key_id not in pinned)
    if not not_pinned:
        two_votes_for(manifest.facts(), manifest.votes, trust.officers, manifest.created)
        return ()
    check_statements(manifest.facts(), manifest.votes)
    for vote in manifest.votes:
        check_in_time(vote.statement, vote.signature.key_id, manifest.created)
        if vote.signature.key_id in pinned:
            verify_vote(vote.statement, vote.signature, pinned[vote.signature.key_id], manifest.created)
    return not_pinned


def _check_checkpoint(manifest: Manifest, trust: TrustFile) -> None:
    note = manifest.checkpoint
    key = key_named(trust.ledger_keys, note.signature.key_id)
    if key is None:
        raise IntegrityBroken("package.unknown_ledger_key", member=MANIFEST, key_id=note.signature.key_id)
    verify_checkpoint(note, key)
    if note.origin != trust.platform or abs(manifest.created - note.time) > CHECKPOINT_AGE:
        raise IntegrityBroken("package.foreign_checkpoint", member=MANIFEST)
    check_against_seen(note, seen_checkpoints(trust))


def _open(manifest: Manifest, payload: bytes, identity: Reception) -> Mapping[str, bytes]:
    if recipient_fingerprint(identity.recipient) != manifest.recipient_fingerprint:
        raise BadInput("package.other_recipient", fingerprint=manifest.recipient_fingerprint)
    plain = identity.open(payload)
    files = read_tar(plain, [(file.name, file.size) for file in manifest.files], PAYLOAD)
    for file in manifest.files:
        if hashlib.sha256(files[file.name]).hexdigest() != file.sha256:
            raise IntegrityBroken("package.damaged", member=file.name)
    return files
