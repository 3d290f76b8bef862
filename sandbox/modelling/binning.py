"""The coarse grid that every threshold of a model lies on, so that no threshold tells a row's value.

A grid is an ascending list of edges. A value x has index k when edges[k-1] < x <= edges[k]; hence index <= k means x <= edges[k].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

COARSEST_BINS = 64  # 32-64 bins cost no AUC on the tables measured
SMALLEST_BIN = 10  # rows; the same floor as for any released count
FINEST_STEP = 1e-12  # of a value: neighbours closer than that are one, and no round number lies between them
SMALLEST_STEP = 1e-290  # below it floats lose digits
MOST_EDGES = 250  # LightGBM keeps one byte per index: 255 bins, less its own for missing and zero


class GridRefused(ValueError):
    """A grid is not a list of at most MOST_EDGES finite, strictly ascending numbers."""


def coarse_grid(values: ArrayLike, bins: int = COARSEST_BINS, min_rows: int = SMALLEST_BIN) -> list[float]:
    """Edges that cut ``values`` (1-D, NaN is missing) into at most ``bins`` bins of at least ``min_rows`` rows.

    Whole numbers with few distinct values (codes) are cut halfway between neighbours. Anything else is cut at quantiles, each rounded to
    1, 2 or 5 times a power of ten no coarser than half the gap to the neighbouring quantile: near the quantile, on nobody's value.
    Missing values take no part. Too few rows, or one value only, give no cut. Raises ValueError for infinite values.
    """
    column = np.asarray(values, dtype=np.float64)
    if np.isinf(column).any():
        raise ValueError("values to be binned must be finite")
    present = np.sort(column[~np.isnan(column)])
    bins = min(bins, present.size // min_rows)
    proposed = _proposed_edges(present, bins) if bins > 1 else np.empty(0)
    return _merged(present, proposed, min_rows)


def _proposed_edges(present: Floats, bins: int) -> Floats:
    codes = np.unique(present)
    if codes.size <= bins and np.array_equal(codes, np.round(codes)):
        return codes[:-1] + 0.5
    quantiles = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)))
    gaps = np.diff(quantiles)
    room = np.minimum(gaps[:-1], gaps[1:]) / 2
    told_apart = room > np.maximum(np.abs(quantiles[1:-1]) * FINEST_STEP, SMALLEST_STEP)
    return np.unique([_rounded(q, r) for q, r in zip(quantiles[1:-1][told_apart], room[told_apart], strict=True)])


def _rounded(value: float, room: float) -> float:
    """``value`` rounded to the largest step of the form 1, 2 or 5 times 10^k that is not above ``room``."""
    exponent = math.floor(math.log10(room))
    mantissa = room / 10.0**exponent
    lead = 5 if mantissa >= 5 else 2 if mantissa >= 2 else 1
    steps = round(value / (lead * 10.0**exponent))
    return float(f"{steps * lead}e{exponent}")


def _merged(present: Floats, edges: Floats, min_rows: int) -> list[float]:
    """``edges`` without those that would leave fewer than ``min_rows`` rows on either side."""
    kept: list[float] = []
    rows_before = 0
    for edge, rows_below in zip(edges, np.searchsorted(present, edges, side="right"), strict=True):
        if rows_below - rows_before >= min_rows and present.size - rows_below >= min_rows:
            kept.append(float(edge))
            rows_before = int(rows_below)
    return kept


def checked_grid(edges: Sequence[float]) -> Floats:
    """``edges`` as an array. Raises GridRefused unless finite, strictly ascending, at most MOST_EDGES."""
    if isinstance(edges, str) or not all(isinstance(edge, (int, float)) and not isinstance(edge, bool) for edge in edges):
        raise GridRefused("edges must be numbers")
    grid = np.asarray(edges, dtype=np.float64)
    if grid.ndim != 1 or grid.size > MOST_EDGES or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise GridRefused(f"edges must be at most {MOST_EDGES} finite, ascending numbers")
    return grid


def grid_index(values: ArrayLike, edges: Sequence[float] | Floats) -> Floats:
    """Index of each value on the grid, as floats; NaN stays NaN."""
    column = np.asarray(values, dtype=np.float64)
    index = np.searchsorted(np.asarray(edges, dtype=np.float64), column, side="left").astype(np.float64)
    index[np.isnan(column)] = np.nan
    return index
