"""scores.csv: two columns, the bank's own row id and a band. Closed grammar, nothing else can ride along."""

from __future__ import annotations

import re

from sandbox.modelling.text_grammar import GrammarError, whole

HEADER = "row_id,band"
MOST_ROWS = 5_000_000
_ROW_ID = re.compile(r"[0-9A-Za-z_.-]{1,64}")


def parse_scores(text: str) -> dict[str, int]:
    """Band by row id, bands from 1. Raises GrammarError for another header, a repeated or odd row id, a band out of range."""
    lines = text.removesuffix("\n").split("\n")
    if lines[0] != HEADER or len(lines) > MOST_ROWS + 1:
        raise GrammarError("not_scores", "header")
    bands: dict[str, int] = {}
    for line in lines[1:]:
        row_id, comma, band = line.partition(",")
        if not comma or not _ROW_ID.fullmatch(row_id):
            raise GrammarError("bad_row_id", "rows")
        if row_id in bands:
            raise GrammarError("repeated_row_id", "rows")
        bands[row_id] = whole(band, "rows", 1, 1_000)
    return bands


def reprint_scores(bands: dict[str, int]) -> str:
    """Sorted by row id: the order carries nothing."""
    return HEADER + "\n" + "".join(f"{row_id},{bands[row_id]}\n" for row_id in sorted(bands))
