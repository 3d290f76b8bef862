"""How parsing says no: a code of the message catalogue, a line and a column. Never a cell's value.

These modules run inside the jail, so they raise their own exception; the parent raises it again as ``BadInput``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

LONGEST_LABEL = 60  # characters; a longer header cell is not a name
_LOOKS_LIKE_A_VALUE = re.compile(r"[0-9A-Za-z０-９]*[0-9０-９]{6,}|[\x00-\x1f\x7f@]")


class Refusal(Exception):
    """The whole file is refused. ``params`` hold line, column and names from the contract only."""

    def __init__(self, code: str, /, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: ``line`` as a text editor or spreadsheet counts (from 1), ``column`` a header or a number from 1."""

    line: int
    column: str | int

    def params(self) -> dict[str, str | int]:
        return {"line": self.line, "column": self.column}


def label(header: list[str] | None, index: int) -> str | int:
    """How to name column ``index`` (from 0): its header when that is plainly a name, else its number.

    A file without a header row has values where names should be; an error must not repeat them.
    """
    if header is None or not 0 <= index < len(header):
        return index + 1
    name = header[index].strip()
    if not name or len(name) > LONGEST_LABEL or _LOOKS_LIKE_A_VALUE.search(name):
        return index + 1
    return name
