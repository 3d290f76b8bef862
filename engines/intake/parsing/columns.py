"""All columns of a file to one typed table, with its wrong cells; or the refusal that stands earliest in the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from engines.intake.parsing.cell_types import clean, from_native, from_text
from engines.intake.parsing.header import match_header
from engines.intake.parsing.refusal import Refusal, Where
from engines.intake.parsing.request import ParseField, ParseRequest
from engines.intake.parsing.spreadsheet_damage import find_damage
from engines.intake.parsing.table import LONGEST_CELL, RawTable

WRONG_TYPE_SHARE = 0.05  # of a column's filled cells; more and the column is not what the contract says, so the file is refused
BAD_CELL_SCHEMA = {"row": pl.UInt32(), "field": pl.String(), "code": pl.String(), "text": pl.String()}


@dataclass(frozen=True, slots=True)
class TypedTable:
    """``rows``: the contract's fields in its order, then ``source_line``; ``bad_cells``: row number (from 0), field, code, text."""

    rows: pl.DataFrame
    bad_cells: pl.DataFrame
    encoding: str


@dataclass(frozen=True, slots=True)
class _Column:
    typed: pl.Series
    text: pl.Series
    bad: pl.Series
    refusal: Refusal | None


def type_table(raw: RawTable, request: ParseRequest) -> TypedTable:
    """Raises Refusal: header does not match, a column of the wrong type, a spreadsheet's damage, a monstrous cell."""
    positions = match_header(raw.header, request.fields, raw.header_line)
    received_on = date.fromisoformat(request.received_on) if request.received_on else None
    typed: list[pl.Series] = []
    bad_cells: list[pl.DataFrame] = []
    refusals: list[Refusal] = []
    for field in request.fields:
        name = f"c{positions[field.name]}"
        column = _type_column(raw.cells[name], raw.numbers.get(name), field, raw.lines, received_on)
        if column.refusal is not None:
            refusals.append(column.refusal)
        typed.append(column.typed.alias(field.name))
        if column.bad.any():
            bad_cells.append(_bad_cells(column, field))
    if refusals:
        raise min(refusals, key=lambda refusal: int(refusal.params["line"]))
    empty = pl.DataFrame(schema=BAD_CELL_SCHEMA)
    return TypedTable(pl.DataFrame([*typed, raw.lines.alias("source_line")]), pl.concat([empty, *bad_cells]), raw.encoding)


def _type_column(cells: pl.Series, numbers: pl.Series | None, field: ParseField, lines: pl.Series, received_on: date | None) -> _Column:
    if cells.dtype != pl.String:
        typed = from_native(cells, field)
        text = _native_text(cells, field)
        marked = cells.is_not_null() if cells.dtype.is_numeric() else None
    else:
        text, marked = clean(cells, field), numbers
        typed = from_text(text, field, received_on, numbers)
    bad = text.is_not_null() & typed.is_null()
    refusal = _monstrous(text, field, lines) or find_damage(text, typed, marked, field, lines) or _wrong_type(bad, text, field, lines)
    return _Column(typed, text, bad, refusal)


def _native_text(cells: pl.Series, field: ParseField) -> pl.Series:
    if field.identifier and cells.dtype.is_float():
        return cells.cast(pl.Int64, strict=False).cast(pl.String)
    return cells.cast(pl.String, strict=False)


def _monstrous(text: pl.Series, field: ParseField, lines: pl.Series) -> Refusal | None:
    long = (text.str.len_bytes() > LONGEST_CELL).fill_null(False)
    if not long.any():
        return None
    return Refusal("intake.cell_too_long", **Where(int(lines[long.arg_max() or 0]), field.source_name).params(), limit=LONGEST_CELL)


def _wrong_type(bad: pl.Series, text: pl.Series, field: ParseField, lines: pl.Series) -> Refusal | None:
    count, filled = int(bad.sum()), int(text.count())
    if count <= WRONG_TYPE_SHARE * filled:
        return None
    where = Where(int(lines[bad.arg_max() or 0]), field.source_name)
    return Refusal("intake.wrong_type", **where.params(), expected=field.type, wrong=count, filled=filled)


def _bad_cells(column: _Column, field: ParseField) -> pl.DataFrame:
    rows = column.bad.arg_true()
    cells = {"row": rows, "text": column.text.gather(rows)}
    return pl.DataFrame(cells).select("row", field=pl.lit(field.name), code=pl.lit(f"not_{field.type}"), text="text").cast(BAD_CELL_SCHEMA)  # type: ignore[arg-type]
