"""Putting a department's batch where the platform looks for it: the landing folder of the home on this machine."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from pathlib import Path

from catalog.errors import BadInput
from catalog.settings import load_settings
from gateway.client.uploads import sha256_of_file

OWNER_ONLY = 0o600


def copy_in(file: Path, department: str, sha256: str) -> Path:
    """Copy ``file`` into ``landing/<department>/``, whole or not at all; safe to repeat with the same bytes.

    Raises NotFound without a home on this machine, BadInput("cli.landed_other") when other bytes lie there under this name, and
    BadInput("cli.file_changed") when the file is no longer the one that was hashed.
    """
    folder = load_settings().landing_dir / _folder_name(department)
    folder.mkdir(mode=0o700, exist_ok=True)
    landed = folder / file.name
    if landed.exists() or landed.is_symlink():
        if landed.is_symlink() or sha256_of_file(landed) != sha256:
            raise BadInput("cli.landed_other", path=str(landed))
        return landed
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        _copy(file, temporary, sha256)
        os.replace(temporary, landed)
    finally:
        temporary.unlink(missing_ok=True)
    return landed


def _copy(source: Path, target: Path, sha256: str) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with source.open("rb") as reading, os.fdopen(handle, "wb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())
    with target.open("rb") as copied:
        if hashlib.file_digest(copied, "sha256").hexdigest() != sha256:
            raise BadInput("cli.file_changed", path=str(source))


def _folder_name(department: str) -> str:
    """A department's id as a folder; the answer of a server never leads out of the landing folder."""
    if not department or Path(department).name != department or department in (".", ".."):
        raise BadInput("cli.bad_department")
    return department
