"""The one file of rows a job sees: features, and of the bank's own columns the label and the observation month only.

Written to memory (tmpfs), read-only, uncompressed so that a job maps it. The rows stand in an order drawn from the hash of what they hold:
the same inputs give the same bytes, and no order of the bank's list, of subjects or of dates survives.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.contracts import RESERVED
from sandbox.modelling.binning import COARSEST_BINS, coarse_grid
from sandbox.workspace.point_in_time import DAY, MIDNIGHT, Matrix, instants

FILE_NAME = "rows.arrow"
TRAIN, TEST = 0, 1  # values of the column ``partition``


@dataclass(frozen=True, slots=True, eq=False)
class RowsFile:
    """The written file. ``order[i]`` is the matrix row that stands at row ``i`` of the file; it stays on the platform's side."""

    path: Path
    sha256: str
    rows: int
    order: NDArray[np.int64]

    def in_matrix_order(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values that a job computed in the file's order, put back into the matrix's order."""
        back = np.empty_like(values)
        back[self.order] = values
        return back


def write_rows(
    folder: Path,
    matrix: Matrix,
    *,
    observed_at: pa.ChunkedArray,
    labels: NDArray[np.int8] | None = None,
    partition: NDArray[np.int8] | None = None,
    subjects: NDArray[np.int64] | None = None,
) -> RowsFile:
    """Write ``folder/rows.arrow`` (0444) and say how its rows were permuted.

    All arguments run along the matrix's rows. Columns: the features, observation_month int32 (yyyymm, Asia/Shanghai), and where given
    label int8 {0, 1}, partition int8 {0 train, 1 test}, subject int32: any numbers that are equal for equal subjects are renumbered by
    first appearance in the file, so they say who is the same and nothing else. ``row``, identifiers and dates never enter.
    Raises ValueError for lengths that differ, a label or partition outside {0, 1}, or a feature with a reserved name;
    FileExistsError when the folder already has one.
    """
    columns = _columns(matrix, observed_at, labels, partition)
    rows = matrix.table.num_rows
    if any(len(column) != rows for column in columns.values()) or (subjects is not None and len(subjects) != rows):
        raise ValueError("labels, partition, subjects and dates must run along the matrix")
    order = _order(columns, _by_appearance(subjects) if subjects is not None else None, rows)
    permuted = {name: pa.array(column[order]) for name, column in columns.items()}
    if subjects is not None:
        permuted["subject"] = pa.array(_by_appearance(subjects[order]))
    path = folder / FILE_NAME
    return RowsFile(path, _write(path, pa.table(permuted)), rows, order)


def register_grid(matrix: Matrix, bins: int = COARSEST_BINS, trains: NDArray[np.bool_] | None = None) -> Mapping[str, list[float]]:
    """For every feature the ascending edges that a model's thresholds may take, drawn from the training rows (default: all rows).

    Raises ValueError for an infinite value.
    """
    names = [name for name in matrix.table.column_names if name != "row"]
    keep = np.ones(matrix.table.num_rows, np.bool_) if trains is None else trains
    return {name: coarse_grid(_floats(matrix.table[name])[keep], bins) for name in names}


def observation_months(observed_at: pa.ChunkedArray) -> NDArray[np.int32]:
    """yyyymm of the business day (+08:00) of each observation."""
    days = (instants(observed_at) - MIDNIGHT) // DAY
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray((1970 + months // 12) * 100 + months % 12 + 1, np.int32)


def _columns(
    matrix: Matrix, observed_at: pa.ChunkedArray, labels: NDArray[np.int8] | None, partition: NDArray[np.int8] | None
) -> dict[str, NDArray[np.generic]]:
    names = [name for name in matrix.table.column_names if name != "row"]
    if RESERVED & set(names) or "subject" in names:
        raise ValueError("a feature may not bear the name of one of the platform's own columns")
    found: dict[str, NDArray[np.generic]] = {name: _floats(matrix.table[name]) for name in names}
    for name, values in (("label", labels), ("partition", partition)):
        if values is not None:
            if not np.isin(values, (0, 1)).all():
                raise ValueError(f"{name} must be 0 or 1")
            found[name] = np.asarray(values, np.int8)
    found["observation_month"] = observation_months(observed_at)
    return found


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """One NaN for every missing value: NaNs of different bits would make different hashes."""
    values = np.array(column.to_numpy(), np.float64)
    values[np.isnan(values)] = np.nan
    return values + 0.0  # and one zero


def _by_appearance(subjects: NDArray[np.int64]) -> NDArray[np.int32]:
    _, first, inverse = np.unique(subjects, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return np.asarray(rank[inverse], np.int32)


def _order(columns: Mapping[str, NDArray[np.generic]], subjects: NDArray[np.int32] | None, rows: int) -> NDArray[np.int64]:
    """A permutation drawn from the SHA-256 of all that is to be written. PCG64's raw stream is the same in every version of numpy."""
    digest = hashlib.sha256()
    for name, column in [*columns.items(), *([("subject", subjects)] if subjects is not None else [])]:
        digest.update(f"{name} {column.dtype.str} {len(column)}\n".encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    draws = np.random.PCG64(int.from_bytes(digest.digest())).random_raw(rows)
    return np.argsort(draws, kind="stable").astype(np.int64)


def _write(path: Path, table: pa.Table) -> str:
    """Write the file once, for everyone to read and nobody to change; returns the SHA-256 of its bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=max(1, table.num_rows))
    data = sink.getvalue()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o444)
    return hashlib.sha256(data).hexdigest()
