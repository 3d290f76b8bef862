"""A slot is the right to run one jail: an unprivileged uid no other jail has, held by a file lock.

The lock's file names the control groups of the jail, so that whoever finds the lock free after a crash can clear them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import JailUnavailable
from sandbox.jail.limits import remove_groups

FIRST_UID = 64001
SLOTS = 128
RECORD_BYTES = 64 << 10
# Where the service keeps slot locks and mounts what a jail is built from; the default suits root and a login session.
RUNTIME_VARIABLE = "GLOVEBOX_RUNTIME"


@dataclass(frozen=True, slots=True)
class Slot:
    """A held slot. ``uid`` is the kernel uid of the job; ``drop`` says that the jail must change to it first."""

    uid: int
    drop: bool
    lock: int

    def record(self, groups: Iterable[Path]) -> None:
        """Write down, before they exist, the groups to remove should this process die."""
        _write(self.lock, json.dumps([str(path) for path in groups]).encode())


def runtime_dir() -> Path:
    """The service's folder for slot locks: made if absent, refused when somebody else owns it. Raises JailUnavailable."""
    path = Path(os.environ.get(RUNTIME_VARIABLE) or _default_runtime_dir())
    try:
        # Others may pass through, not look: a job's uid must reach the stage below.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise JailUnavailable("jail.no_runtime_folder", path=str(path), reason=error.strerror) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise JailUnavailable("jail.no_runtime_folder", path=str(path), reason="not a folder of this user alone")
    return path


def _default_runtime_dir() -> str:
    if os.geteuid() == 0:
        return "/run/glovebox"
    session = os.environ.get("XDG_RUNTIME_DIR")
    return f"{session}/glovebox" if session else f"/tmp/glovebox-{os.geteuid()}"


@contextlib.contextmanager
def hold_slot() -> Iterator[Slot]:
    """Hold a free slot, cleared of what a dead holder left. Raises JailUnavailable when all are taken."""
    slot = _take_slot()
    try:
        yield slot
        _write(slot.lock, b"")
    finally:
        os.close(slot.lock)


def sweep_stale() -> int:
    """Remove the control groups of jails whose holder died; return how many slots were cleared. Call at start."""
    cleared = 0
    for path in sorted(_slots_dir().glob("slot-*")):
        lock = _try_lock(path)
        if lock is not None:
            cleared += _clear(lock)
            os.close(lock)
    return cleared


def _take_slot() -> Slot:
    folder = _slots_dir()
    drop = os.geteuid() == 0
    for number in range(SLOTS):
        uid = FIRST_UID + number
        if drop and _is_somebody(uid):
            continue
        lock = _try_lock(folder / f"slot-{number:03}")
        if lock is not None:
            _clear(lock)
            return Slot(uid if drop else os.geteuid(), drop, lock)
    raise JailUnavailable("jail.no_slot", slots=SLOTS)


def _slots_dir() -> Path:
    folder = runtime_dir() / "slots"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _try_lock(path: Path) -> int | None:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _clear(lock: int) -> bool:
    """Remove the groups a dead holder recorded; True when there were any."""
    left = os.pread(lock, RECORD_BYTES, 0)
    if not left:
        return False
    with contextlib.suppress(ValueError):  # a record cut short was never followed by a group
        remove_groups(Path(path) for path in json.loads(left))
    _write(lock, b"")
    return True


def _write(lock: int, record: bytes) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, record, 0)


def _is_somebody(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
