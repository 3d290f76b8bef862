"""What every reader returns before types: text cells in the file's own columns, and where each row stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

LONGEST_CELL = 65_536  # bytes; a longer cell is a broken quote or an attack, not a field


@dataclass(frozen=True, slots=True)
class RawTable:
    """``cells``: one column per header, in file order, named ``c0, c1, …``; text, or the file's own type for Parquet.

    ``numbers`` marks, for spreadsheets, the text cells that the workbook stores as numbers.
    """

    header: list[str]
    cells: pl.DataFrame
    lines: pl.Series
    encoding: str
    numbers: Mapping[str, pl.Series] = field(default_factory=dict)
    header_line: int = 1
