"""Cohorts and consents on their way out: sealed on this machine to the platform's reception key, so that nobody between reads a row."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Final

from catalog.errors import BadInput
from catalog.keys import sealing

LARGEST_UPLOAD: Final = 64 << 20  # bytes: what the platform takes
ACTION, WITHDRAW = "action", "withdraw"


def read_bounded(path: Path, limit: int = LARGEST_UPLOAD) -> bytes:
    """A file's bytes. Raises BadInput("client.file_unreadable" | "client.file_too_large")."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput("client.file_unreadable", path=str(path), reason=error.strerror or type(error).__name__) from None
    if len(data) > limit:
        raise BadInput("client.file_too_large", path=str(path), limit=limit)
    return data


def seal_file(path: Path, recipient: str) -> bytes:
    """The file sealed to ``recipient`` (the platform's reception key). Raises BadInput: unreadable, too large, or no recipient."""
    return sealing.seal_to([recipient], read_bounded(path))


def sha256_of_file(path: Path) -> str:
    """Lower-case hex, read in pieces. Raises BadInput("client.file_unreadable")."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput("client.file_unreadable", path=str(path), reason=error.strerror or type(error).__name__) from None


def check_only_withdraws(path: Path) -> int:
    """The number of lines of a consent file, each of which takes a consent back.

    Raises BadInput("client.not_a_withdrawal", line=…): a slip here would give consents where somebody meant to end them.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_bounded(path).decode("utf-8-sig")))
        lines = list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise BadInput("client.not_a_withdrawal", path=str(path), line=1) from None
    wrong = [number for number, line in enumerate(lines, start=2) if (line.get(ACTION) or "").strip() != WITHDRAW]
    if wrong or not lines:
        raise BadInput("client.not_a_withdrawal", path=str(path), line=wrong[0] if wrong else 1)
    return len(lines)
