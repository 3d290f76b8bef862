"""Takes the declared files out of a finished job's /out, and nothing else.

Only regular, single-link, fully written files with a declared name leave. Anything else is listed by a reason code and
goes with the tmpfs. Runs after every process of the job is dead, through the descriptor held since before it started.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sandbox.jail.spec import OUTPUT_NAME, RejectedOutput

UNDECLARED = "undeclared"
BAD_NAME = "bad_name"
LINK = "link"
HARD_LINK = "hard_link"
DIRECTORY = "directory"
SPECIAL = "special_file"
SPARSE = "sparse"
TOO_LARGE = "too_large"
TOO_MANY = "too_many"

# Left behind without harm: nobody asked for them. Everything else shows an attempt and fails the job.
HARMLESS = frozenset({UNDECLARED})
CHUNK = 1 << 20
BLOCK = 512  # st_blocks is in these, whatever the file system


@dataclass(frozen=True, slots=True)
class Collected:
    """What was found: declared files copied out, things left behind, declared names that are absent."""

    outputs: Mapping[str, Path]
    rejected: tuple[RejectedOutput, ...]
    missing: tuple[str, ...]

    @property
    def forbidden_found(self) -> bool:
        return any(found.reason not in HARMLESS for found in self.rejected)


def collect(folder: int, declared: Collection[str], collect_to: Path, *, most_files: int, most_bytes: int) -> Collected:
    """Copy the declared files from the open ``folder`` to ``collect_to`` (made 0700); all or nothing.

    A file already there by one of the names raises FileExistsError: nothing is overwritten.
    """
    rejected, accepted = inspect(folder, declared, most_files=most_files, most_bytes=most_bytes)
    missing = tuple(sorted(set(declared) - set(accepted)))
    found = Collected({}, tuple(rejected), missing)
    if found.forbidden_found or missing:
        return found
    collect_to.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Collected({name: _copy(folder, name, collect_to / name) for name in sorted(accepted)}, tuple(rejected), ())


def inspect(folder: int, declared: Collection[str], *, most_files: int, most_bytes: int) -> tuple[list[RejectedOutput], list[str]]:
    """Look at every entry without opening it: (what stays behind, names that may leave)."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, most_files + 1)]
    if len(names) > most_files:
        return [RejectedOutput(None, TOO_MANY)], []
    rejected, accepted, total = [], [], 0
    for name in sorted(names):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        reason = reason_against(name, status, declared)
        total += status.st_size
        if reason is None and total > most_bytes:
            reason = TOO_LARGE
        if reason is None:
            accepted.append(name)
        else:
            rejected.append(RejectedOutput(name if OUTPUT_NAME.fullmatch(name) else None, reason))
    return rejected, accepted


def reason_against(name: str, status: os.stat_result, declared: Collection[str]) -> str | None:
    """Why an entry stays behind, or None. A name nobody declared is harmless only as a plain file or folder."""
    kind = _kind_against(status)
    if kind in (LINK, SPECIAL, HARD_LINK):
        return kind
    if name not in declared:
        return UNDECLARED if OUTPUT_NAME.fullmatch(name) else BAD_NAME
    return kind


def _kind_against(status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    if stat.S_ISDIR(status.st_mode):
        return DIRECTORY
    if not stat.S_ISREG(status.st_mode):
        return SPECIAL
    if status.st_nlink != 1:
        return HARD_LINK
    return SPARSE if status.st_blocks * BLOCK < status.st_size else None


def _copy(folder: int, name: str, target: Path) -> Path:
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        left = os.fstat(source).st_size
        out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(out, "wb") as file:
            while left > 0 and (chunk := os.read(source, min(left, CHUNK))):
                file.write(chunk)
                left -= len(chunk)
    finally:
        os.close(source)
    return target
