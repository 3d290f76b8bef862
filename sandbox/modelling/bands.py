"""Scores leave as bands only. The bands are fixed once, when the model is approved, from the margins of its training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_BANDS = 20
SMALLEST_BAND = 10  # rows: of training when bands are frozen, of the list when scores are handed out
_DIGITS = 6  # of an edge: coarser than a margin, so that an edge is no row's score


def freeze_bands(train_scores: ArrayLike, bands: int = MOST_BANDS, smallest: int = SMALLEST_BAND) -> list[float]:
    """Edges of at most ``bands`` bands over the margins of the training rows (1-D, finite), each with at least ``smallest`` rows.

    Quantiles, rounded, then merged once. No edges, hence one band, when the margins allow no cut. Raises ValueError when any is not finite.
    """
    scores = np.sort(np.asarray(train_scores, dtype=np.float64))
    if not np.isfinite(scores).all():
        raise ValueError("margins must be finite")
    if scores.size < 2 * smallest:
        return []
    quantiles = np.quantile(scores, np.linspace(0, 1, bands + 1)[1:-1])
    proposed = np.unique([float(f"{edge:.{_DIGITS}g}") + 0.0 for edge in quantiles])
    return _merged(scores, proposed, smallest)


def _merged(scores: NDArray[np.float64], proposed: NDArray[np.float64], smallest: int) -> list[float]:
    kept: list[float] = []
    rows_before = 0
    for edge, rows_below in zip(proposed, np.searchsorted(scores, proposed, side="right"), strict=True):
        if rows_below - rows_before >= smallest and scores.size - rows_below >= smallest:
            kept.append(float(edge))
            rows_before = int(rows_below)
    return kept


def assign_bands(margins: ArrayLike, edges: Sequence[float]) -> NDArray[np.int64]:
    """Band per margin, 1 (least risk) to len(edges) + 1; a margin equal to an edge lies below it. Raises ValueError when any is NaN."""
    values = np.asarray(margins, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("a margin is missing")
    return np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left").astype(np.int64) + 1


def withhold_small(bands: ArrayLike, smallest: int = SMALLEST_BAND) -> NDArray[np.bool_]:
    """True for each row whose band holds fewer than ``smallest`` rows of this list: those are not handed out."""
    numbers = np.asarray(bands, dtype=np.int64)
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return np.asarray(counts[place] < smallest, dtype=np.bool_)
