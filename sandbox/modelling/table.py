"""The rows a job reads: features as columns of floats, the label, the partition. Checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats
from sandbox.modelling.refusal import JobRefused

Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Columns by feature name (float64, NaN is missing), labels {0, 1}, and which rows train (the others test)."""

    columns: dict[str, Floats]
    labels: Labels
    trains: NDArray[np.bool_]


def open_table(path: Path) -> pa.Table:
    """The Arrow IPC file at ``path``, mapped and not copied. Raises JobRefused("modelling.unreadable_rows")."""
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid):
        raise JobRefused("modelling.unreadable_rows") from None


def feature_columns(table: pa.Table, features: Sequence[str]) -> dict[str, Floats]:
    """The named columns. Raises JobRefused for a column that is absent, not numeric, or holds an infinite value."""
    return {name: _numbers(table, name) for name in features}


def labelled_rows(table: pa.Table, features: Sequence[str]) -> LabelledRows:
    """All a training job needs. Raises JobRefused as feature_columns does, and for labels or partitions other than 0 and 1."""
    labels, partition = (_zero_or_one(table, name) for name in ("label", "partition"))
    return LabelledRows(feature_columns(table, features), labels, partition == 0)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if table.column_names.count(name) != 1:
        raise JobRefused("modelling.column_missing", column=name)
    return table.column(name)


def _numbers(table: pa.Table, name: str) -> Floats:
    column = _column(table, name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise JobRefused("modelling.column_not_numeric", column=name)
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    if np.isinf(values).any():
        raise JobRefused("modelling.not_finite", column=name)
    return values


def _zero_or_one(table: pa.Table, name: str) -> Labels:
    values = _numbers(table, name)
    if not np.isin(values, (0.0, 1.0)).all():
        raise JobRefused("modelling.not_zero_or_one", column=name)
    return values.astype(np.int8)
