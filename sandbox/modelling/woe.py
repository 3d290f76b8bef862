"""Supervised bins for scorecards: monotone in the bad rate, each large enough to be shown, with weights of evidence.

Counts per grid cell come first, so the rows are read once, and counts of several workers can be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats

Counts = NDArray[np.int64]

SMALLEST_CLASS = 10  # goods and bads per bin whose weight of evidence is shown
MOST_BINS = 20
PRIOR = 0.5  # added to each count of a bin, so that no weight is infinite (Good's correction, usual in credit scoring)


@dataclass(frozen=True, slots=True)
class BinnedFeature:
    """Cuts of one feature with counts per bin. ``edges`` has one entry fewer than ``goods`` and ``bads``."""

    edges: tuple[float, ...]
    goods: tuple[int, ...]
    bads: tuple[int, ...]
    missing_goods: int
    missing_bads: int

    @property
    def missing_is_shown(self) -> bool:
        """Few missing values have no weight of their own: they count as neutral."""
        return min(self.missing_goods, self.missing_bads) >= SMALLEST_CLASS

    @property
    def tells_apart(self) -> bool:
        """Two bins at least, the one of missing values counted, and each with enough of both classes to be shown."""
        bins = len(self.goods) + self.missing_is_shown
        return bins > 1 and min(*self.goods, *self.bads) >= SMALLEST_CLASS


@dataclass(frozen=True, slots=True)
class Evidence:
    """Weights of evidence of one binned feature, and its information value."""

    woe: tuple[float, ...]
    missing_woe: float
    information_value: float


def count_cells(values: Floats, labels: NDArray[np.int8], edges: Sequence[float] | Floats) -> tuple[Counts, Counts]:
    """(goods, bads) per grid cell; one cell more than edges, the last entry counts missing values."""
    cuts = np.asarray(edges, dtype=np.float64)
    cell = np.searchsorted(cuts, values, side="left")
    cell[np.isnan(values)] = cuts.size + 1
    goods = np.bincount(cell[labels == 0], minlength=cuts.size + 2)
    bads = np.bincount(cell[labels == 1], minlength=cuts.size + 2)
    return goods.astype(np.int64), bads.astype(np.int64)


def monotone_bins(
    goods: Counts, bads: Counts, edges: Sequence[float] | Floats, min_rows: int = SMALLEST_CLASS, max_bins: int = MOST_BINS
) -> BinnedFeature:
    """Merge grid cells (as from count_cells) until every bin holds ``min_rows`` rows and SMALLEST_CLASS of each class,
    the bad rate rises or falls throughout, and at most ``max_bins`` remain. Of both directions the one with more information is kept.
    """
    cells = [(int(g), int(b), k) for k, (g, b) in enumerate(zip(goods[:-1], bads[:-1], strict=True))]
    large = _large_enough(cells, min_rows)
    best = max((_fewest(_monotone(large, rising), max_bins) for rising in (True, False)), key=_information)
    return BinnedFeature(
        edges=tuple(float(edges[last]) for _, _, last in best[:-1]),
        goods=tuple(g for g, _, _ in best),
        bads=tuple(b for _, b, _ in best),
        missing_goods=int(goods[-1]),
        missing_bads=int(bads[-1]),
    )


Block = tuple[int, int, int]  # goods, bads, last cell


def _join(left: Block, right: Block) -> Block:
    return left[0] + right[0], left[1] + right[1], right[2]


def _large_enough(cells: list[Block], min_rows: int) -> list[Block]:
    """Neighbouring cells gathered from the left until each block is large; the rest joins the last one."""
    blocks: list[Block] = []
    open_block: Block | None = None
    for cell in cells:
        open_block = cell if open_block is None else _join(open_block, cell)
        if open_block[0] + open_block[1] >= min_rows and min(open_block[:2]) >= SMALLEST_CLASS:
            blocks.append(open_block)
            open_block = None
    if open_block is None:
        return blocks
    return [*blocks[:-1], _join(blocks[-1], open_block)] if blocks else [open_block]


def _monotone(blocks: list[Block], rising: bool) -> list[Block]:
    """Pool adjacent violators (Ayer et al. 1955) on the bad rate; equal rates are pooled too, so the order is strict."""
    pooled: list[Block] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and not _in_order(pooled[-2], pooled[-1], rising):
            last = pooled.pop()
            pooled[-1] = _join(pooled[-1], last)
    return pooled


def _in_order(left: Block, right: Block, rising: bool) -> bool:
    """Whether the bad rate changes from left to right as asked; cross products compare without division."""
    change = right[1] * (left[0] + left[1]) - left[1] * (right[0] + right[1])
    return change > 0 if rising else change < 0


def _fewest(blocks: list[Block], max_bins: int) -> list[Block]:
    """Neighbours joined where that costs the least information, until ``max_bins`` remain."""
    while len(blocks) > max_bins:
        candidates = [[*blocks[:i], _join(blocks[i], blocks[i + 1]), *blocks[i + 2 :]] for i in range(len(blocks) - 1)]
        blocks = max(candidates, key=_information)
    return blocks


def _information(blocks: list[Block]) -> float:
    counts = np.array([block[:2] for block in blocks], dtype=np.float64)
    return _weights(counts[:, 0], counts[:, 1])[1]


def _weights(goods: Floats, bads: Floats) -> tuple[Floats, float]:
    """Per bin i of n: WOE_i = ln(p_i / q_i) with p_i = (goods_i + ½)/(goods + n/2), q_i likewise of bads; IV = Σ (p_i - q_i)·WOE_i.

    A positive weight is a bin better than average. Formulas: Siddiqi, Credit Risk Scorecards (2006), ch. 6, with Good's ½.
    """
    share_of_goods = (goods + PRIOR) / (goods.sum() + PRIOR * goods.size)
    share_of_bads = (bads + PRIOR) / (bads.sum() + PRIOR * bads.size)
    woe = np.log(share_of_goods / share_of_bads)
    return woe, float(((share_of_goods - share_of_bads) * woe).sum())


def weigh(feature: BinnedFeature) -> Evidence:
    """Weights of evidence and information value; missing values are a bin when enough of each class are missing, else neutral (0)."""
    goods, bads = list(feature.goods), list(feature.bads)
    if feature.missing_is_shown:
        goods.append(feature.missing_goods)
        bads.append(feature.missing_bads)
    woe, information = _weights(np.array(goods, dtype=np.float64), np.array(bads, dtype=np.float64))
    missing = float(woe[-1]) if feature.missing_is_shown else 0.0
    return Evidence(tuple(float(w) for w in woe[: len(feature.goods)]), missing, information)
