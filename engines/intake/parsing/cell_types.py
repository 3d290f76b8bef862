"""Text to the contract's types, a column at a time. A cell that will not become its type turns null and is reported.

Nothing is guessed: units, thousands marks, brackets for minus, infinities and dates that no calendar has are wrong cells.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from engines.intake.parsing.request import CellType, ParseField

LOCAL_ZONE = "Asia/Shanghai"  # of a timestamp that names none
WORKBOOK_DAY, WORKBOOK_MOMENT = "%Y-%m-%d 00:00:00", "%Y-%m-%d %H:%M:%S"  # how a workbook's own dates come as text
EARLIEST, LATEST = date(1800, 1, 1), date(2199, 12, 31)
TRUE_TEXTS = ("true", "t", "yes", "y", "1", "是")
FALSE_TEXTS = ("false", "f", "no", "n", "0", "否")
_BLANK = " \t\r\n\u00a0\u3000"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"


def clean(cells: pl.Series, field: ParseField) -> pl.Series:
    """Trimmed text; the contract's null tokens become null."""
    text = cells.str.strip_chars(_BLANK)
    return text.set(text.is_in(list({"", *field.null_tokens})).fill_null(False), None)


def from_text(text: pl.Series, field: ParseField, received_on: date | None = None, numbers: pl.Series | None = None) -> pl.Series:
    """``text`` (String, cleaned) as ``field.type``; null where it cannot be. ``numbers`` marks a workbook's numeric cells."""
    if field.type in ("date", "timestamp"):
        return _date(text, field, received_on) if field.type == "date" else _timestamp(text, field)
    if field.type == "decimal":
        return _decimal(text, field, numbers)
    return _PLAIN[field.type](text)


def from_native(cells: pl.Series, field: ParseField) -> pl.Series:
    """A typed column of a Parquet file as ``field.type``; null where the value does not fit without loss."""
    target, source = polars_type(field), cells.dtype
    if source == target:
        return _plausible(cells) if field.type == "date" else cells
    if field.type == "timestamp" and isinstance(source, pl.Datetime):
        return _to_utc(cells.cast(pl.Datetime("us", source.time_zone)))
    fits = _ACCEPTS[field.type]
    if not any(group(source) for group in fits):
        return pl.Series(cells.name, [None] * len(cells), dtype=target)
    if field.type == "decimal" and source.is_float():
        return _decimal(cells.cast(pl.String), field, cells.is_not_null())
    if field.type == "integer" and source.is_float():
        return cells.cast(pl.Int64, strict=False).set((cells != cells.round(0)).fill_null(False), None)
    return cells.cast(target, strict=False)


def polars_type(field: ParseField) -> pl.DataType:
    """The type of ``field`` in every table from here on."""
    if field.type == "decimal":
        return pl.Decimal(field.precision, field.scale)
    return _TARGET[field.type]


def _integer(text: pl.Series) -> pl.Series:
    return (
        text.set((~text.str.contains(r"^[+-]?\d+(\.0+)?$")).fill_null(False), None).str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    )


def _number(text: pl.Series) -> pl.Series:
    value = text.set((~text.str.contains(_NUMBER)).fill_null(False), None).cast(pl.Float64, strict=False)
    return value.set((~value.is_finite()).fill_null(False), None)


def _decimal(text: pl.Series, field: ParseField, numbers: pl.Series | None) -> pl.Series:
    whole = field.precision - field.scale
    exact = rf"^[+-]?\d{{1,{whole}}}(\.\d{{0,{field.scale}}}0*)?$"
    target = polars_type(field)
    value = text.set((~text.str.contains(exact)).fill_null(False), None).cast(target, strict=False)
    if numbers is None or not (unread := numbers & text.is_not_null() & value.is_null()).any():
        return value
    # A workbook keeps binary floats: 0.30000000000000004 there is 0.30 here.
    rounded = text.cast(pl.Float64, strict=False).round(field.scale).cast(target, strict=False)
    return value.zip_with(~unread, rounded)


def _boolean(text: pl.Series) -> pl.Series:
    lower = text.str.to_lowercase()
    known = lower.is_in([*TRUE_TEXTS, *FALSE_TEXTS]).fill_null(False)
    return lower.is_in(list(TRUE_TEXTS)).set(~known, None)


def _date(text: pl.Series, field: ParseField, received_on: date | None) -> pl.Series:
    found = pl.Series(text.name, [None] * len(text), dtype=pl.Date)
    for pattern in (*field.formats, WORKBOOK_DAY):
        if not (text.is_not_null() & found.is_null()).any():
            break
        parsed = text.str.to_date(pattern, strict=False)
        if "%y" in pattern and received_on is not None:
            late = (parsed > received_on).fill_null(False)
            parsed = parsed.zip_with(~late, parsed.dt.offset_by("-100y"))
        found = found.zip_with(found.is_not_null(), parsed)
    return _plausible(found)


def _plausible(days: pl.Series) -> pl.Series:
    return days.set(((days < EARLIEST) | (days > LATEST)).fill_null(False), None)


def _timestamp(text: pl.Series, field: ParseField) -> pl.Series:
    found = pl.Series(text.name, [None] * len(text), dtype=polars_type(field))
    for pattern in (*field.formats, WORKBOOK_MOMENT):
        parsed = _to_utc(text.str.to_datetime(pattern, strict=False, time_unit="us"))
        found = found.zip_with(found.is_not_null(), parsed)
    return found.set(((found.dt.date() < EARLIEST) | (found.dt.date() > LATEST)).fill_null(False), None)


def _to_utc(moments: pl.Series) -> pl.Series:
    if getattr(moments.dtype, "time_zone", None) is None:
        moments = moments.dt.replace_time_zone(LOCAL_ZONE, ambiguous="earliest", non_existent="null")
    return moments.dt.convert_time_zone("UTC")


def _text(text: pl.Series) -> pl.Series:
    return text


def _is_text(kind: pl.DataType) -> bool:
    return kind == pl.String


def _is_date(kind: pl.DataType) -> bool:
    return kind == pl.Date or isinstance(kind, pl.Datetime)


def _is_integer(kind: pl.DataType) -> bool:
    return kind.is_integer()


def _is_numeric(kind: pl.DataType) -> bool:
    return kind.is_numeric()


def _is_boolean(kind: pl.DataType) -> bool:
    return kind == pl.Boolean


_PLAIN: dict[CellType, Callable[[pl.Series], pl.Series]] = {"string": _text, "integer": _integer, "number": _number, "boolean": _boolean}
_TARGET: dict[CellType, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}
_ACCEPTS: dict[CellType, tuple[Callable[[pl.DataType], bool], ...]] = {
    "string": (_is_text, _is_integer),
    "integer": (_is_numeric,),
    "number": (_is_numeric,),
    "decimal": (_is_numeric,),
    "date": (_is_date,),
    "timestamp": (),
    "boolean": (_is_boolean,),
}
