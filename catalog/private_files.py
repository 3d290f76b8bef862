"""Files only their owner may read: written whole or not at all, 0600, and refused when someone else could have touched them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from catalog.errors import BadInput, Broken, Unavailable

OWNER_ONLY = 0o600
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


def write_new(path: Path, data: bytes) -> None:
    """Create ``path`` with ``data``, durable and atomic. Raises BadInput("private_file.exists") and changes nothing when it exists."""
    temporary = _write_beside(path, data)
    try:
        os.link(temporary, path)  # unlike rename, a link never replaces
    except FileExistsError:
        raise BadInput("private_file.exists", path=str(path)) from None
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def write_over(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data``, durable and atomic: a reader sees the old bytes or the new ones."""
    temporary = _write_beside(path, data)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_private(path: Path) -> bytes:
    """The bytes of a file that this user owns, nobody else can open, in a folder nobody else can write.

    Raises Unavailable("private_file.missing") or Broken("private_file.exposed").
    """
    if path.parent.is_dir() and _exposed(path.parent.stat(), _OTHERS_WRITE, folder=True):
        raise Broken("private_file.exposed", path=str(path.parent))
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise Unavailable("private_file.missing", path=str(path)) from None
    except OSError:
        raise Broken("private_file.exposed", path=str(path)) from None
    with os.fdopen(handle, "rb") as file:
        # Asked of the open file, so that it cannot be swapped between the question and the reading.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or _exposed(status, _OTHERS):
            raise Broken("private_file.exposed", path=str(path))
        return file.read()


def _exposed(status: os.stat_result, forbidden: int, *, folder: bool = False) -> bool:
    if not hasattr(os, "geteuid"):  # a bank's Windows machine has no such modes
        return False
    trusted = {os.geteuid(), 0} if folder else {os.geteuid()}  # root owns folders such as /etc on everybody's behalf
    return status.st_uid not in trusted or bool(status.st_mode & forbidden)


def _write_beside(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
