"""Part the rows that may go on from those that may not, and say of each of the latter why.

Quarantined rows are raw: whoever gets them seals them at once for the owning department's officer.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

LINE = "source_line"
REASONS = "reasons"
UNREADABLE = "unreadable_cells"


@dataclass(frozen=True, slots=True)
class Parted:
    """``good``: rows without their line numbers. ``bad``: rows with line, ``reasons`` (rule names) and the texts that did not parse."""

    good: pl.DataFrame
    bad: pl.DataFrame
    reasons: Mapping[str, int]


def part(rows: pl.DataFrame, fails: pl.DataFrame, bad_cells: pl.DataFrame) -> Parted:
    """Split ``rows`` by ``fails`` (one Boolean column per rule) and ``bad_cells`` (row, field, code, text)."""
    unreadable = pl.Series("row", range(rows.height), dtype=pl.UInt32).is_in(bad_cells["row"].unique().to_list())
    failed = fails.select(pl.any_horizontal(pl.all())).to_series() if fails.width else pl.Series([False] * rows.height)
    stays = unreadable | failed
    bad = _with_reasons(rows, fails, bad_cells, stays)
    counts = bad[REASONS].explode().drop_nulls().value_counts(sort=True).sort(["count", REASONS], descending=[True, False])
    return Parted(rows.filter(~stays).drop(LINE), bad, dict(counts.iter_rows()))


def to_bytes(bad: pl.DataFrame) -> bytes:
    """The quarantined rows as one Arrow IPC file, in memory only."""
    buffer = io.BytesIO()
    bad.write_ipc(buffer)
    return buffer.getvalue()


def _with_reasons(rows: pl.DataFrame, fails: pl.DataFrame, bad_cells: pl.DataFrame, stays: pl.Series) -> pl.DataFrame:
    numbered = rows.with_row_index("row").filter(stays)
    named = fails.filter(stays).select(pl.when(pl.col(name)).then(pl.lit(name)).alias(name) for name in fails.columns)
    broken = named.select(pl.concat_list(pl.all()).list.drop_nulls().alias("rules")) if named.width else _no_rules(numbered.height)
    cells = bad_cells.group_by("row").agg(
        pl.format("{}:{}", "code", "field").alias("codes"), pl.struct("field", "code", "text").alias(UNREADABLE)
    )
    whole = pl.concat([numbered, broken], how="horizontal").join(cells, on="row", how="left", maintain_order="left")
    none = pl.col("codes").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    return whole.with_columns(pl.concat_list(none, "rules").alias(REASONS)).drop("row", "rules", "codes")


def _no_rules(height: int) -> pl.DataFrame:
    return pl.DataFrame({"rules": [[]] * height}, schema={"rules": pl.List(pl.String)})
