"""Boosted trees: on the grid, the same decisions in raw units, the same bytes with any number of threads."""

from __future__ import annotations

import math

import lightgbm as lgb
import numpy as np
import pytest

from sandbox.modelling.binning import grid_index
from sandbox.modelling.canonical import Forest, Tree, emit_model
from sandbox.modelling.forest import margin, route
from sandbox.modelling.trees import feature_matrix, to_raw_units, train_forest


def grown(rows, request):
    return train_forest(rows.columns, rows.labels, request.grid, request.params, seed=request.seed, threads=request.threads)


def test_lies_every_threshold_on_the_registered_grid(lending_rows, request_for):
    request = request_for(lending_rows, "lightgbm")
    forest = grown(lending_rows, request).forest
    used = {(forest.features[f], t) for tree in forest.trees for f, t in zip(tree.split_feature, tree.threshold, strict=True)}
    assert all(threshold in request.grid[name] or threshold == math.inf for name, threshold in used)
    assert {name for name, threshold in used if threshold == math.inf} <= {"debt"}  # the one column with some values missing


@pytest.mark.parametrize("params", [{}, {"num_leaves": 31, "max_depth": 8, "min_data_in_leaf": 20, "bagging_fraction": 0.5}])
def test_are_the_bytes_the_same_with_one_thread_and_two(lending_rows, request_for, params):
    one, two = (emit_model(grown(lending_rows, request_for(lending_rows, "lightgbm", threads=n, **params)).forest) for n in (1, 2))
    assert one == two


def test_does_the_raw_model_decide_as_lightgbm_does_on_indices(lending_rows, request_for):
    request = request_for(lending_rows, "lightgbm", num_iterations=40, num_leaves=31, max_depth=8, min_data_in_leaf=5)
    unseen = {name: np.where(np.arange(values.size) % 7 == 0, np.nan, values * 1.01) for name, values in lending_rows.columns.items()}
    indices = np.column_stack([grid_index(unseen[name], request.grid[name]) for name in request.features])
    settings = {**request.params, "objective": "binary", "seed": 7, "deterministic": True, "force_col_wise": True, "num_threads": 1}
    settings |= {"max_bin": 255, "min_data_in_bin": 1, "feature_pre_filter": False, "enable_bundle": False, "verbosity": -1}
    rounds = settings.pop("num_iterations")
    known = np.column_stack([grid_index(lending_rows.columns[name], request.grid[name]) for name in request.features])
    booster = lgb.train(settings, lgb.Dataset(known, lending_rows.labels), rounds)
    forest = grown(lending_rows, request).forest
    raw = feature_matrix(forest, unseen)
    assert np.array_equal(route(forest, raw), booster.predict(indices, pred_leaf=True))
    assert np.array_equal(margin(forest, raw), booster.predict(indices, raw_score=True))


def test_does_lightgbm_itself_read_the_emitted_model_alike(lending_rows, request_for):
    forest = grown(lending_rows, request_for(lending_rows, "lightgbm")).forest
    rows = feature_matrix(forest, lending_rows.columns)
    assert np.array_equal(lgb.Booster(model_str=emit_model(forest)).predict(rows, raw_score=True), margin(forest, rows))


def test_where_does_a_missing_value_go_that_training_never_met():
    # on indices: 0 | 1, 2   and missing is read as index 0, left
    tree = Tree((0,), (0.5,), (False,), ("none",), (-1,), (-2,), (-1.0, 1.0))
    raw = to_raw_units(Forest(("f0",), (tree,)), ("income",), {"income": [100.0, 200.0]})
    assert (raw.features, raw.trees[0].threshold) == (("income",), (100.0,))
    assert margin(raw, np.array([[100.0], [100.5], [np.nan]])).tolist() == [-1.0, 1.0, -1.0]


def test_what_is_a_threshold_between_indices_that_never_occur():
    # LightGBM cuts halfway between the indices it saw, here 0 and 3: at 1.5, so that index 1 goes left with 0
    tree = Tree((0,), (1.5,), (True,), ("nan",), (-1,), (-2,), (-1.0, 1.0))
    raw = to_raw_units(Forest(("f0",), (tree,)), ("income",), {"income": [100.0, 200.0, 300.0]})
    assert raw.trees[0].threshold == (200.0,)
