"""The skeleton of a delimited file, found with array arithmetic before anything trusts it: quotes, records, columns per record.

RFC 4180: a field is quoted whole or not at all; a quote inside is doubled; quoted fields may hold delimiters and line ends.
A byte is inside quotes exactly when an odd number of quotes precedes it (a doubled quote closes and opens again).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intake.parsing.refusal import Refusal, label

CHUNK = 16 << 20  # bytes looked at together, so that masks stay small
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Structure:
    """``starts``: byte offset of each record; ``lines``: its physical line (from 1); ``quotes``: offsets of every quote."""

    starts: Positions
    lines: Positions
    quotes: Positions
    newlines: Positions


def find_structure(data: bytes, delimiter: str) -> Structure:
    """Raises Refusal for a quote in the wrong place or never closed. ``data`` has no blank line at its end."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes, newlines = _positions(buffer, _QUOTE), _positions(buffer, _NEWLINE)
    ends = newlines[_outside(quotes, newlines)]
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    structure = Structure(starts, np.searchsorted(newlines, starts) + 1, quotes, newlines)
    _check_quotes(data, buffer, structure, delimiter)
    return structure


def check_widths(data: bytes, structure: Structure, delimiter: str, header: list[str]) -> None:
    """Every record has as many columns as the header. Raises Refusal at the first that has not."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    bounds = np.append(structure.starts, len(data) + 1)
    before = np.zeros(len(bounds), np.int64)
    for offset in range(0, len(data), CHUNK):
        found = _positions(buffer[offset : offset + CHUNK], ord(delimiter)) + offset
        before += np.searchsorted(found[_outside(structure.quotes, found)], bounds)
    widths = np.diff(before) + 1
    wrong = np.flatnonzero(widths != len(header))
    if wrong.size:
        first, width = int(structure.lines[wrong[0]]), int(widths[wrong[0]])
        column = label(header, min(width, len(header) - 1)) if width < len(header) else len(header) + 1
        raise Refusal("intake.ragged_row", line=first, column=column, found=width, expected=len(header))


def _positions(buffer: npt.NDArray[np.uint8], byte: int) -> Positions:
    parts = [np.flatnonzero(buffer[at : at + CHUNK] == byte) + at for at in range(0, len(buffer), CHUNK)]
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def _outside(quotes: Positions, positions: Positions) -> npt.NDArray[np.bool_]:
    if not quotes.size:
        return np.ones(len(positions), np.bool_)
    return np.asarray((np.searchsorted(quotes, positions) & 1) == 0)


def _check_quotes(data: bytes, buffer: npt.NDArray[np.uint8], structure: Structure, delimiter: str) -> None:
    opening, closing = structure.quotes[0::2], structure.quotes[1::2]
    if not opening.size:
        return
    edge = np.array([ord(delimiter), _NEWLINE], np.uint8)
    before = buffer[np.maximum(opening - 1, 0)]
    opens_well = (opening == 0) | np.isin(before, edge) | (before == _QUOTE)
    after = buffer[np.minimum(closing + 1, len(data) - 1)]
    closes_well = (closing == len(data) - 1) | np.isin(after, np.append(edge, [_RETURN, _QUOTE]).astype(np.uint8))
    bad_open, bad_close = np.flatnonzero(~opens_well), np.flatnonzero(~closes_well)
    first_open = int(bad_open[0]) if bad_open.size else len(opening)
    first_close = int(bad_close[0]) if bad_close.size else len(opening)
    if first_open < len(opening) and first_open <= first_close:
        raise Refusal("intake.quote_misplaced", **_place(data, structure, int(opening[first_open]), delimiter))
    if first_close < len(opening):
        raise Refusal("intake.quote_misplaced", **_place(data, structure, _field_start(opening, closing, first_close), delimiter))
    if len(opening) != len(closing):
        raise Refusal("intake.quote_unclosed", **_place(data, structure, _field_start(opening, closing, len(opening) - 1), delimiter))


def _field_start(opening: Positions, closing: Positions, pair: int) -> int:
    """Walk back over doubled quotes to the one that opened the field."""
    while pair > 0 and closing[pair - 1] == opening[pair] - 1:
        pair -= 1
    return int(opening[pair])


def _place(data: bytes, structure: Structure, offset: int, delimiter: str) -> dict[str, Any]:
    start = int(structure.starts[max(int(np.searchsorted(structure.starts, offset, side="right")) - 1, 0)])
    record = np.frombuffer(data, dtype=np.uint8)[start:offset]
    found = np.flatnonzero(record == ord(delimiter)) + start
    line = int(np.searchsorted(structure.newlines, offset)) + 1
    return {"line": line, "column": int(_outside(structure.quotes, found).sum()) + 1}
