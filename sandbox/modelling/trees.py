"""Train LightGBM on grid indices and write the model in raw units, every threshold on the registered grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats, grid_index
from sandbox.modelling.canonical import Forest, Tree, parse_model
from sandbox.modelling.params import Value
from sandbox.modelling.table import Labels

# Column-wise histograms are summed by one thread per feature, in row order: the number of threads cannot change a bit.
_FIXED: dict[str, object] = {
    "objective": "binary",
    "boosting": "gbdt",
    "deterministic": True,
    "force_col_wise": True,
    "max_bin": 255,
    "min_data_in_bin": 1,
    "feature_pre_filter": False,
    "enable_bundle": False,
    "zero_as_missing": False,
    "use_missing": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class TrainedForest:
    """A forest in raw units, and each feature's share of the total gain (0 for all when no split was worth making)."""

    forest: Forest
    gain_share: dict[str, float]


def train_forest(
    columns: Mapping[str, Floats],
    labels: Labels,
    grid: Mapping[str, Sequence[float]],
    params: Mapping[str, Value],
    *,
    seed: int,
    threads: int,
) -> TrainedForest:
    """Boosted trees for P(label = 1). ``columns``: one float64 array (n,) per feature, NaN is missing; ``grid``: its edges;
    ``params``: from validate_params. The same rows in the same order give the same forest with any number of threads.
    """
    import lightgbm as lgb  # seconds to import: only where a model is trained

    features = tuple(columns)
    matrix = np.empty((labels.size, len(features)), dtype=np.float32)  # indices are small whole numbers: exact in float32
    for number, name in enumerate(features):
        matrix[:, number] = grid_index(columns[name], grid[name])
    settings = {**_FIXED, **params, "seed": seed, "num_threads": threads}
    del settings["num_iterations"]  # given as num_boost_round: LightGBM warns when it is given twice
    dataset = lgb.Dataset(matrix, labels, feature_name=_aliases(len(features)), params=settings, free_raw_data=True)
    booster = lgb.train(settings, dataset, num_boost_round=int(params["num_iterations"]))
    gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    shares = gains / gains.sum() if gains.sum() > 0 else gains
    forest = to_raw_units(parse_model(booster.model_to_string(num_iteration=-1)), features, grid)
    return TrainedForest(forest, dict(zip(features, shares.tolist(), strict=True)))


def _aliases(count: int) -> list[str]:
    return [f"f{number}" for number in range(count)]


def to_raw_units(forest: Forest, features: tuple[str, ...], grid: Mapping[str, Sequence[float]]) -> Forest:
    """The same decisions on raw values. A threshold t on indices is the edge number floor(t); beyond the last edge it is +inf,
    which parts present from missing. LightGBM reads a missing value it never met in training as index 0, on the left of every
    split; the raw model says so outright: missing goes left.
    """
    edges = [grid[name] for name in features]
    return replace(forest, features=features, trees=tuple(_tree_in_raw_units(tree, edges) for tree in forest.trees))


def _tree_in_raw_units(tree: Tree, edges: Sequence[Sequence[float]]) -> Tree:
    nodes = list(zip(tree.split_feature, tree.threshold, tree.default_left, tree.missing, strict=True))
    return replace(
        tree,
        threshold=tuple(_edge(threshold, edges[feature]) for feature, threshold, _, _ in nodes),
        default_left=tuple(left or missing == "none" for _, _, left, missing in nodes),
        missing=tuple("nan" for _ in nodes),
    )


def _edge(threshold: float, edges: Sequence[float]) -> float:
    number = math.floor(threshold) if math.isfinite(threshold) else len(edges)
    if number < 0:
        raise ValueError("a threshold lies below the first index")
    return float(edges[number]) if number < len(edges) else math.inf


def feature_matrix(forest: Forest, columns: Mapping[str, Floats]) -> NDArray[np.float64]:
    """Rows × features in the forest's order, as sandbox.modelling.forest takes them."""
    return np.column_stack([columns[name] for name in forest.features])
