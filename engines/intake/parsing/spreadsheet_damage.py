"""What a spreadsheet silently destroys: long identifiers become 9.13E+17, dates become day counts, codes lose leading zeros.

The lost digits cannot be restored, so one such column refuses the file; the department exports it again as text.
"""

from __future__ import annotations

import polars as pl

from engines.intake.parsing.refusal import Refusal, Where
from engines.intake.parsing.request import ParseField

SURE_DIGITS = 15  # a spreadsheet keeps 15 significant digits of a number and zeroes the rest
FIRST_SERIAL, LAST_SERIAL = 20_000, 60_000  # day counts from 1900: 1954-10-03 … 2064-04-08
LOST_ZEROS_SHARE = 0.01  # of a column; of random codes one in ten starts with zero, a slip of the pen is rarer than this

_SCIENTIFIC = r"^[+-]?\d([.,]\d+)?[eE][+]?\d{1,3}$"
_SERIAL = r"^\d{5}(\.\d+)?$"
_DIGITS = r"^\d+$"


def find_damage(text: pl.Series, typed: pl.Series, numbers: pl.Series | None, field: ParseField, lines: pl.Series) -> Refusal | None:
    """The first damaged cell of a column, as the refusal it calls for. ``numbers`` marks a workbook's numeric cells."""
    for code, damaged in (
        ("intake.identifier_rounded", _rounded(text, numbers, field)),
        ("intake.serial_date", _serial(text, typed, numbers, field)),
        ("intake.leading_zeros_lost", _short(text, numbers, field)),
    ):
        if damaged is not None and damaged.any():
            first = damaged.fill_null(False).arg_max()
            return Refusal(code, **Where(int(lines[first or 0]), field.source_name).params())
    return None


def _rounded(text: pl.Series, numbers: pl.Series | None, field: ParseField) -> pl.Series | None:
    if field.type != "string" or not field.identifier:
        return None
    damaged = text.str.contains(_SCIENTIFIC).fill_null(False)
    if numbers is not None:
        damaged = damaged | (numbers & (text.str.len_chars() > SURE_DIGITS).fill_null(False))
    return damaged


def _serial(text: pl.Series, typed: pl.Series, numbers: pl.Series | None, field: ParseField) -> pl.Series | None:
    if field.type not in ("date", "timestamp"):
        return None
    unread = text.is_not_null() & typed.is_null()
    if not unread.any():
        return None
    value = text.set((~text.str.contains(_SERIAL)).fill_null(False), None).cast(pl.Float64, strict=False)
    damaged = unread & value.is_between(FIRST_SERIAL, LAST_SERIAL).fill_null(False)
    return damaged if numbers is None else damaged | (unread & numbers)


def _short(text: pl.Series, numbers: pl.Series | None, field: ParseField) -> pl.Series | None:
    if field.type != "string" or field.length is None:
        return None
    digits = text.str.contains(_DIGITS).fill_null(False)
    short = digits & (text.str.len_chars() < field.length).fill_null(False)
    if numbers is not None and (short & numbers).any():
        return short & numbers
    if text.str.starts_with("0").any() or short.sum() < LOST_ZEROS_SHARE * text.count():
        return None
    return short
