"""Delimited text to cells of text. The structure is proved first; the fast reader then cannot disagree with it."""

from __future__ import annotations

import csv
import io

import polars as pl

from engines.intake.parsing.csv_structure import check_widths, find_structure
from engines.intake.parsing.encoding import to_utf8
from engines.intake.parsing.refusal import Refusal
from engines.intake.parsing.request import ParseRequest
from engines.intake.parsing.table import RawTable

DELIMITERS = (",", "|")


def read_csv(data: bytes, request: ParseRequest) -> RawTable:
    """Raises Refusal with line and column: wrong encoding, NUL, broken quotes, ragged rows, no rows."""
    text, encoding = to_utf8(data, request.encoding)
    text = text.rstrip(b"\r\n")
    delimiter = request.delimiter or _delimiter(text)
    structure = find_structure(text, delimiter)
    starts = structure.starts
    body = int(starts[1]) if len(starts) > 1 else len(text)
    header = _header(text[:body], delimiter)
    check_widths(text, structure, delimiter, header)
    if len(starts) < 2:
        raise Refusal("intake.no_rows", line=1, column=1)
    cells = _cells(text[body:], delimiter, len(header), len(starts) - 1)
    return RawTable(header, cells, pl.Series("source_line", structure.lines[1:], dtype=pl.Int64), encoding)


def _delimiter(text: bytes) -> str:
    first = text.split(b"\n", 1)[0].decode("utf-8")
    return max(DELIMITERS, key=first.count)


def _header(record: bytes, delimiter: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(record.decode("utf-8"), newline=""), delimiter=delimiter, strict=True))
    return rows[0] if rows else []


def _cells(body: bytes, delimiter: str, width: int, height: int) -> pl.DataFrame:
    schema = {f"c{index}": pl.String for index in range(width)}
    try:
        cells = pl.read_csv(body, has_header=False, separator=delimiter, schema=schema, infer_schema=False, empty_string_is_null=True)
    except pl.exceptions.PolarsError:
        raise Refusal("intake.csv_unreadable", line=1, column=1) from None
    if cells.height != height:
        raise Refusal("intake.csv_unreadable", line=1, column=1)
    return cells
