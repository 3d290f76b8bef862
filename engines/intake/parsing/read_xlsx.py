"""First visible sheet of a workbook to cells of text, and which of them the workbook stores as numbers.

The workbook is loaded twice: as text, and as truth values, where only numeric cells give one. What a spreadsheet turned into
a number has already lost leading zeros or digits, so that has to be known cell by cell.
"""

from __future__ import annotations

import string
from typing import Any

import fastexcel
import polars as pl

from engines.intake.parsing.refusal import Refusal
from engines.intake.parsing.table import RawTable

_NUMBER = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"


def read_xlsx(data: bytes) -> RawTable:
    """Raises Refusal: not a workbook, no rows, a blank (merged) header cell."""
    if not data:
        raise Refusal("intake.file_empty", line=1, column=1)
    cells = _load(data, "string")
    numeric = _load(data, "boolean")
    if cells.height == 0 or cells.width == 0:
        raise Refusal("intake.file_empty", line=1, column=1)
    names = [f"c{index}" for index in range(cells.width)]
    cells.columns, numeric.columns = names, names
    lines = pl.Series("source_line", range(1, cells.height + 1), dtype=pl.Int64)
    filled = cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    cells, numeric, lines = cells.filter(filled), numeric.filter(filled), lines.filter(filled)
    if cells.height < 2:
        raise Refusal("intake.no_rows" if cells.height else "intake.file_empty", line=1, column=1)
    header = _header(cells.row(0), int(lines[0]))
    return RawTable(header, cells[1:], lines[1:], "xlsx", _numbers(cells[1:], numeric[1:]), int(lines[0]))


def column_letters(index: int) -> str:
    """``A`` for 0, ``AA`` for 26: how spreadsheets name columns."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = string.ascii_uppercase[rest] + letters
    return letters


def _load(data: bytes, dtype: Any) -> pl.DataFrame:
    try:
        sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, skip_rows=0, dtypes=dtype)
        return sheet.to_polars()
    except Exception:
        raise Refusal("intake.xlsx_unreadable", line=1, column=1) from None


def _header(row: tuple[object, ...], line: int) -> list[str]:
    for index, cell in enumerate(row):
        if cell is None or not str(cell).strip():
            raise Refusal("intake.header_merged", line=line, column=column_letters(index))
    return [str(cell) for cell in row]


def _numbers(cells: pl.DataFrame, numeric: pl.DataFrame) -> dict[str, pl.Series]:
    return {name: numeric[name].is_not_null() & cells[name].str.contains(_NUMBER).fill_null(False) for name in cells.columns}
