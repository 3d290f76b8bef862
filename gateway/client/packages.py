"""Packages on the bank's side: kept as they came, verified against what was pinned, opened with the bank's own key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog import clock
from catalog.errors import BadInput
from catalog.private_files import write_new
from gateway.client.personal_keys import PersonalKey
from sandbox.airlock.manifest import MANIFEST
from sandbox.airlock.trust import TrustFile
from sandbox.airlock.verify import Verified, extract, verify_package


def keep_package(path: Path, package: bytes) -> Path:
    """Write what was downloaded, 0600, never over another file. Raises BadInput."""
    try:
        write_new(path, package)
    except OSError as error:
        raise BadInput("client.file_unwritable", path=str(path), reason=error.strerror or type(error).__name__) from None
    return path


def verify(
    path: Path, trust_file: Path, key: PersonalKey | None = None, to: Path | None = None, *, allow_unknown_voters: bool = False
) -> Verified:
    """Check every byte of the package at ``path``; with ``key`` also open it, with ``to`` write the files there.

    Files of which a voter is not pinned are written only with ``allow_unknown_voters``: see ``is_whole``.
    Raises BadInput("client.key_needed") for ``to`` without a key; otherwise as ``sandbox.airlock.verify.verify_package``.
    """
    if to is not None and key is None:
        raise BadInput("client.key_needed")
    _check_is_package(path)
    verified = verify_package(path, TrustFile.load(trust_file), key)
    if to is not None and (allow_unknown_voters or is_whole(verified)):
        extract(verified, to)
    return verified


def _check_is_package(path: Path) -> None:
    """Something else altogether is told apart from a package that was changed. Raises BadInput("client.no_package")."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(256)
        if not head.startswith(b"PK") and MANIFEST.encode() not in head:
            raise BadInput("client.no_package", path=str(path))


def is_whole(verified: Verified) -> bool:
    """Every vote was checked too: without its officer's key in the trust file, only the platform says that it was cast."""
    return not verified.officers_not_pinned


def describe(verified: Verified) -> dict[str, Any]:
    """What a person wants to know of a verified package, JSON-ready."""
    manifest = verified.manifest
    return {
        "verified": is_whole(verified),
        "platform": manifest.platform,
        "custody": manifest.custody,
        "release_id": manifest.release_id,
        "kind": manifest.kind,
        "created": clock.to_iso(manifest.created),
        "files": [{"name": file.name, "type": file.type, "sha256": file.sha256, "size": file.size} for file in manifest.files],
        "votes": [vote.signature.key_id for vote in manifest.votes],
        "officers_not_pinned": list(verified.officers_not_pinned),
        "ledger_size": manifest.checkpoint.size,
        "opened": verified.files is not None,
    }
