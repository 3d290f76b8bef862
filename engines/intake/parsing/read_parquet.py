"""Parquet to cells in the file's own flat types. Nested columns, encrypted or damaged files are refused."""

from __future__ import annotations

import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from engines.intake.parsing.refusal import Refusal, label
from engines.intake.parsing.table import RawTable

_MAGIC = b"PAR1"


def read_parquet(data: bytes) -> RawTable:
    """``lines`` count rows from 1. Raises Refusal: cut short, not Parquet, no rows, a nested column."""
    if not data:
        raise Refusal("intake.file_empty", line=1, column=1)
    if not data.startswith(_MAGIC) or not data.endswith(_MAGIC):
        raise Refusal("intake.parquet_cut_short", line=1, column=1)
    try:
        table = pq.read_table(io.BytesIO(data), use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError):
        raise Refusal("intake.parquet_unreadable", line=1, column=1) from None
    header = list(table.column_names)
    _refuse_nested(table, header)
    if table.num_rows == 0:
        raise Refusal("intake.no_rows", line=1, column=1)
    cells = pl.DataFrame({f"c{index}": _flat(column) for index, column in enumerate(table.columns)})
    lines = pl.Series("source_line", range(1, cells.height + 1), dtype=pl.Int64)
    return RawTable(header, cells, lines, "parquet")


def _refuse_nested(table: pa.Table, header: list[str]) -> None:
    for index, field in enumerate(table.schema):
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            raise Refusal("intake.column_nested", line=1, column=label(header, index))


def _flat(column: pa.ChunkedArray) -> pl.Series:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pl.Series(pl.from_arrow(column))
