"""Evaluate a canonical forest with numpy: which leaf each row reaches, the raw margin, the probability. No LightGBM needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.canonical import Forest, Tree

Floats = NDArray[np.float64]
Leaves = NDArray[np.int32]

#: LightGBM reads values this close to zero as zero (its constant 1e-35 in single precision), and NaN too where a split knows none.
ZERO = float(np.float32(1e-35))


@dataclass(frozen=True, slots=True)
class _Arrays:
    feature: NDArray[np.int64]
    threshold: Floats
    nan_is_missing: NDArray[np.bool_]
    default_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]


def route_tree(tree: Tree, rows: Floats) -> Leaves:
    """Leaf index per row, shape (n,). ``rows``: float64 (n, features), NaN = missing, in the forest's order of features.

    Decides as LightGBM does: NaN goes to the default side where the split knows missing values, else it is read as 0.
    """
    count = rows.shape[0]
    node = np.full(count, -1 if tree.leaves == 1 else 0, dtype=np.int64)
    arrays = _arrays(tree)
    active = np.flatnonzero(node >= 0)
    while active.size:
        here = node[active]
        value = rows[active, arrays.feature[here]]
        missing = np.isnan(value)
        by_default = missing & arrays.nan_is_missing[here]
        goes_left = np.where(np.abs(value) > ZERO, value, 0.0) <= arrays.threshold[here]
        goes_left = np.where(by_default, arrays.default_left[here], goes_left)
        node[active] = np.where(goes_left, arrays.left[here], arrays.right[here])
        active = active[node[active] >= 0]
    return (~node).astype(np.int32)


def route(forest: Forest, rows: Floats) -> Leaves:
    """Leaf index per row and tree, shape (n, trees): equal to ``Booster.predict(rows, pred_leaf=True)``."""
    leaves = np.empty((rows.shape[0], len(forest.trees)), dtype=np.int32)
    for number, tree in enumerate(forest.trees):
        leaves[:, number] = route_tree(tree, rows)
    return leaves


def margin(forest: Forest, rows: Floats) -> Floats:
    """Raw score (log-odds) per row, shape (n,), summed in the order of the trees: LightGBM's ``raw_score=True``, bit for bit."""
    total = np.zeros(rows.shape[0], dtype=np.float64)
    for tree in forest.trees:
        total += np.asarray(tree.leaf_value, dtype=np.float64)[route_tree(tree, rows)]
    return total


def probability(forest: Forest, rows: Floats) -> Floats:
    """P(label = 1) per row, shape (n,)."""
    return sigmoid(margin(forest, rows))


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow for large negative margins."""
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1.0, small) / (1.0 + small), dtype=np.float64)


def _arrays(tree: Tree) -> _Arrays:
    return _Arrays(
        feature=np.asarray(tree.split_feature, dtype=np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        nan_is_missing=np.asarray([kind == "nan" for kind in tree.missing], dtype=np.bool_),
        default_left=np.asarray(tree.default_left, dtype=np.bool_),
        left=np.asarray(tree.left, dtype=np.int64),
        right=np.asarray(tree.right, dtype=np.int64),
    )
