"""How well margins separate bads from goods, in figures fit to leave: enough of each class behind each, counts rounded, few points.

Throughout: ``margins`` float64 (n,), higher is riskier; ``labels`` int8 (n,), 1 is bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats
from sandbox.modelling.table import Labels

SMALLEST_CLASS = 10  # goods, and bads, behind every figure: the floor of statistical offices for a frequency
DECIMALS = 3
COUNT_BASE = 5  # counts leave rounded to this
GAINS_BINS = 10
ROC_POINTS = 20  # a full curve lists every score and label

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RocPoint:
    false_positive_rate: float
    true_positive_rate: float


@dataclass(frozen=True, slots=True)
class GainsRow:
    """One band of margins, the riskiest first; counts rounded, the bad rate computed from rounded counts."""

    goods: int
    bads: int
    bad_rate: float


def enough(labels: Labels) -> bool:
    """Whether a total over these rows may be shown at all."""
    bads = int(labels.sum())
    return min(bads, labels.size - bads) >= SMALLEST_CLASS


def auc(margins: Floats, labels: Labels) -> float:
    """Chance that a bad has the higher margin of a random pair, ties counting half: the rank statistic of Mann and Whitney (1947)."""
    _, place, tied = np.unique(margins, return_inverse=True, return_counts=True)
    rank = (np.cumsum(tied) - (tied - 1) / 2.0)[place]
    bads = int(labels.sum())
    goods = labels.size - bads
    return float((rank[labels == 1].sum() - bads * (bads + 1) / 2.0) / (bads * goods))


def ks(margins: Floats, labels: Labels) -> float:
    """Largest distance between the distributions of goods' and bads' margins (Kolmogorov and Smirnov)."""
    values, place = np.unique(margins, return_inverse=True)
    bads = np.bincount(place[labels == 1], minlength=values.size).cumsum()
    goods = np.bincount(place[labels == 0], minlength=values.size).cumsum()
    return float(np.abs(bads / bads[-1] - goods / goods[-1]).max())


def shown(figure: float) -> float:
    """A figure as it may leave."""
    return round(figure, DECIMALS) + 0.0


def rounded_count(count: int) -> int:
    """To the nearest multiple of COUNT_BASE."""
    return COUNT_BASE * int(np.floor(count / COUNT_BASE + 0.5))


def population_stability(train: tuple[Floats, Labels], test: tuple[Floats, Labels]) -> float | None:
    """PSI = Σ (q - p)·ln(q/p) over bands of the training margins, p and q the shares of train and test in a band.

    Ten bands, merged until each holds enough goods and bads of both; None when no two such bands exist.
    """
    edges = _quantile_edges(train[0], GAINS_BINS)
    counts = np.column_stack([*_class_counts(*train, edges), *_class_counts(*test, edges)])
    bands = _merged(counts)
    if len(bands) < 2:
        return None
    p, q = bands[:, :2].sum(axis=1) / train[1].size, bands[:, 2:].sum(axis=1) / test[1].size
    return float(((q - p) * np.log(q / p)).sum())


def gains_table(margins: Floats, labels: Labels) -> list[GainsRow]:
    """Ten bands of equally many rows, the riskiest first, merged until each holds enough goods and bads."""
    rows = [(rounded_count(int(goods)), rounded_count(int(bads))) for goods, bads in _bands(margins, labels, GAINS_BINS)]
    return [GainsRow(goods, bads, shown(bads / (goods + bads))) for goods, bads in rows]


def roc_points(margins: Floats, labels: Labels) -> list[RocPoint]:
    """At most ROC_POINTS points from (0, 0) to (1, 1), each step over enough goods and bads, each rate a ratio of rounded counts."""
    passed = _bands(margins, labels, ROC_POINTS - 1).cumsum(axis=0)
    goods, bads = ([rounded_count(int(count)) for count in passed[:, k]] for k in (0, 1))
    steps = [RocPoint(shown(g / goods[-1]), shown(b / bads[-1])) for g, b in zip(goods, bads, strict=True)]
    return [RocPoint(0.0, 0.0), *steps]


def two_figures(value: float) -> float:
    """Importance leaves with two significant digits."""
    return float(f"{value:.2g}")


def _bands(margins: Floats, labels: Labels, most: int) -> Counts:
    """(goods, bads) per band, the riskiest first."""
    edges = _quantile_edges(margins, most)
    goods, bads = _class_counts(margins, labels, edges)
    return _merged(np.column_stack([goods, bads])[::-1])


def _quantile_edges(margins: Floats, bands: int) -> Floats:
    return np.unique(np.quantile(margins, np.linspace(0, 1, bands + 1)[1:-1]))


def _class_counts(margins: Floats, labels: Labels, edges: Floats) -> tuple[Counts, Counts]:
    band = np.searchsorted(edges, margins, side="left")
    goods, bads = (np.bincount(band[labels == kind], minlength=edges.size + 1).astype(np.int64) for kind in (0, 1))
    return goods, bads


def _merged(counts: Counts) -> Counts:
    """Neighbouring rows of ``counts`` added up until every number of a row is large enough; a small rest joins the last."""
    merged: list[Counts] = []
    rest: Counts = np.zeros(counts.shape[1], dtype=np.int64)
    for row in counts:
        rest = rest + row
        if rest.min() >= SMALLEST_CLASS:
            merged.append(rest)
            rest = np.zeros_like(rest)
    if merged:
        merged[-1] = merged[-1] + rest
    return np.array(merged if merged else [rest])


def feature_shares(shares: dict[str, float]) -> Sequence[tuple[str, float]]:
    """(feature, share) of those that matter, the greatest first, two significant digits."""
    found = [(name, two_figures(share)) for name, share in shares.items() if share > 0]
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))
