"""The shape of a model against its own training rows: how many subjects stand behind each leaf or bin, and how many numbers it holds.

``min_data_in_leaf`` and ``leaf_count`` are claims; here the pinned rows are routed and distinct subjects counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from sandbox.airlock.checks.finding import Finding, block, passed, review
from sandbox.modelling.canonical import Forest, Tree
from sandbox.modelling.canonical_scorecard import CanonicalScorecard
from sandbox.modelling.forest import route_tree

if TYPE_CHECKING:
    from sandbox.airlock.policies import Policy

Counts = NDArray[np.int64]


class Structure(TypedDict):
    """Evidence. A cell is a leaf, or a bin of a scorecard; ``thin_cells`` lack goods or bads and are counted for scorecards only."""

    kind: str
    parts: int
    cells: int
    splits: int
    deepest: int
    parameters: int
    rows: int
    smallest_cell: int
    small_cells: int
    empty_cells: int
    pure_cells: int
    thin_cells: int
    off_grid: int


def measure_forest(
    forest: Forest,
    rows: NDArray[np.float64],
    labels: NDArray[np.int8],
    subjects: Counts,
    grid: Mapping[str, Sequence[float]],
    smallest: int,
) -> Structure:
    """``rows`` (n, features) of the training partition, ``labels`` (n,), ``subjects`` (n,) dense index ≥ 0, ``grid`` registered edges."""
    distinct, all_rows, bads = (np.concatenate(part) for part in zip(*_leaf_counts(forest, rows, labels, subjects), strict=True))
    leaves = len(distinct)
    splits = leaves - len(forest.trees)
    allowed = [frozenset(grid.get(name, ())) for name in forest.features]
    return Structure(
        kind="trees",
        parts=len(forest.trees),
        cells=leaves,
        splits=splits,
        deepest=max(depth(tree) for tree in forest.trees),
        parameters=2 * splits + leaves + len(forest.trees),
        rows=len(rows),
        smallest_cell=int(distinct.min()),
        small_cells=int((distinct < smallest).sum()),
        empty_cells=int((distinct == 0).sum()),
        pure_cells=int(((all_rows > 0) & ((bads == 0) | (bads == all_rows))).sum()),
        thin_cells=0,
        off_grid=sum(_off_grid(tree, allowed) for tree in forest.trees),
    )


def measure_scorecard(
    card: CanonicalScorecard,
    columns: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.int8],
    subjects: Counts,
    grid: Mapping[str, Sequence[float]],
    smallest: int,
    smallest_class: int,
) -> Structure:
    """As ``measure_forest``, a bin for a leaf. A missing-value bin without weight says nothing and is left out."""
    found = [_bin_counts(feature.edges, feature.missing_woe, columns[feature.name], labels, subjects) for feature in card.features]
    distinct, rows, bads = (np.concatenate(part) for part in zip(*found, strict=True))
    return Structure(
        kind="scorecard",
        parts=len(card.features),
        cells=len(distinct),
        splits=sum(len(feature.edges) for feature in card.features),
        deepest=1,
        parameters=len(distinct) + len(card.coefficients) + 1,
        rows=len(labels),
        smallest_cell=int(distinct.min()),
        small_cells=int((distinct < smallest).sum()),
        empty_cells=int((distinct == 0).sum()),
        pure_cells=int(((rows > 0) & ((bads == 0) | (bads == rows))).sum()),
        thin_cells=int((np.minimum(bads, rows - bads) < smallest_class).sum()),
        off_grid=sum(edge not in frozenset(grid.get(feature.name, ())) for feature in card.features for edge in feature.edges),
    )


def judge(found: Structure, policy: Policy) -> list[Finding]:
    """Findings on cells, freedom, purity and thresholds."""
    findings = [
        _at_least("smallest_leaf", found["smallest_cell"], policy.smallest_leaf, "ACRO 10; ONS", small=found["small_cells"]),
        _none("unreachable_leaf", found["empty_cells"], "measured"),
        _none("threshold_grid", found["off_grid"], "measured"),
        _freedom(found, policy),
    ]
    pure = found["pure_cells"]
    findings.append(review("pure_leaf", pure, 0, "ACRO class disclosure") if pure else passed("pure_leaf", 0, 0, "ACRO class disclosure"))
    if found["kind"] == "scorecard":
        findings.append(_none("bin_class", found["thin_cells"], "ACRO 10", smallest=policy.smallest_class_in_bin))
    deep = found["deepest"] > policy.largest_depth
    findings.append((review if deep else passed)("depth", found["deepest"], policy.largest_depth, "measured"))
    return findings


def judge_declared(algorithm: str, params: Mapping[str, object], policy: Policy) -> Finding:
    """The declared minimum rows per leaf or bin: below ``declared_leaf_block`` a block, below ``declared_leaf_review`` a review."""
    declared = params.get("min_bin_rows" if algorithm == "scorecard" else "min_data_in_leaf")
    if isinstance(declared, bool) or not isinstance(declared, int | float):
        return review("declared_leaf", None, policy.declared_leaf_review, "SACRO-ML; measured")
    if declared < policy.declared_leaf_block:
        return block("declared_leaf", declared, policy.declared_leaf_block, "SACRO-ML; measured")
    make = review if declared < policy.declared_leaf_review else passed
    return make("declared_leaf", declared, policy.declared_leaf_review, "SACRO-ML; measured")


def depth(tree: Tree) -> int:
    """Splits on the longest path."""
    deepest = 0
    waiting = [(0, 1)] if tree.leaves > 1 else []
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in (tree.left[node], tree.right[node]) if child >= 0)
    return deepest


def _leaf_counts(
    forest: Forest, rows: NDArray[np.float64], labels: NDArray[np.int8], subjects: Counts
) -> list[tuple[Counts, Counts, Counts]]:
    """Per tree: distinct subjects, rows and bads of each leaf."""
    return [_cell_counts(route_tree(tree, rows).astype(np.int64), tree.leaves, labels, subjects) for tree in forest.trees]


def _bin_counts(
    edges: Sequence[float], missing_woe: float, values: NDArray[np.float64], labels: NDArray[np.int8], subjects: Counts
) -> tuple[Counts, Counts, Counts]:
    cell = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left").astype(np.int64)
    missing = len(edges) + 1
    cell[np.isnan(values)] = missing
    distinct, rows, bads = _cell_counts(cell, missing + 1, labels, subjects)
    shown = missing + 1 if missing_woe != 0 else missing
    return distinct[:shown], rows[:shown], bads[:shown]


def _cell_counts(cell: Counts, cells: int, labels: NDArray[np.int8], subjects: Counts) -> tuple[Counts, Counts, Counts]:
    rows = np.bincount(cell, minlength=cells)
    bads = np.bincount(cell[labels == 1], minlength=cells)
    pairs = np.unique(cell * (int(subjects.max(initial=0)) + 1) + subjects)
    distinct = np.bincount(pairs // (int(subjects.max(initial=0)) + 1), minlength=cells)
    return distinct, rows, bads


def _off_grid(tree: Tree, allowed: list[frozenset[float]]) -> int:
    """Thresholds off the grid; +inf parts present from missing and reveals no value."""
    pairs = zip(tree.split_feature, tree.threshold, strict=True)
    return sum(threshold != math.inf and threshold not in allowed[feature] for feature, threshold in pairs)


def _at_least(check: str, value: int, limit: int, source: str, **evidence: int) -> Finding:
    return (passed if value >= limit else block)(check, value, limit, source, **evidence)


def _none(check: str, value: int, source: str, **evidence: int) -> Finding:
    return (block if value else passed)(check, value, 0, source, **evidence)


def _freedom(found: Structure, policy: Policy) -> Finding:
    freedom = found["rows"] - found["parameters"]
    fails = review if found["kind"] == "trees" else block
    make = passed if freedom >= policy.residual_freedom else fails
    return make("residual_freedom", freedom, policy.residual_freedom, "ACRO 10", rows=found["rows"], parameters=found["parameters"])
