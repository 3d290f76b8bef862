"""The coarse grid: what does it keep, what does it hide?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sandbox.modelling.binning import GridRefused, checked_grid, coarse_grid, grid_index

amounts = arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e9, 1e9) | st.just(np.nan) | st.integers(0, 5).map(float))


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        pytest.param([0] * 20 + [1] * 30 + [2] * 15, [0.5, 1.5], id="codes keep each boundary"),
        pytest.param([0] * 20 + [1] * 30 + [2] * 9, [0.5], id="a rare code joins its neighbour"),
        pytest.param([7.5] * 100, [], id="a constant has no cut"),
        pytest.param([np.nan] * 50, [], id="nothing but missing has no cut"),
        pytest.param([], [], id="no rows have no cut"),
        pytest.param([1.0, 2.0, 3.0], [], id="three rows have no cut"),
    ],
)
def test_which_edges_does_a_small_column_get(values, edges):
    assert coarse_grid(values) == edges


@given(amounts, st.integers(2, 64), st.integers(1, 30))
def test_does_every_bin_hold_enough_rows(values, bins, min_rows):
    edges = coarse_grid(values, bins, min_rows)
    index = grid_index(values, edges)
    rows = np.bincount(index[~np.isnan(index)].astype(int), minlength=len(edges) + 1)
    assert len(edges) < bins
    assert not edges or rows.min() >= min_rows
    checked_grid(edges)


def test_is_an_edge_ever_the_value_of_a_row():
    incomes = np.random.default_rng(0).lognormal(10, 1.2, 5000)
    edges = coarse_grid(incomes)
    assert len(edges) > 40
    assert not set(edges) & set(incomes)
    assert max(len(f"{edge:.12g}".strip("0").replace(".", "")) for edge in edges) <= 5


@given(amounts, st.lists(st.floats(-1e9, 1e9), unique=True, max_size=60).map(sorted))
def test_does_an_index_decide_as_the_raw_value_does(values, edges):
    index = grid_index(values, edges)
    for number, edge in enumerate(edges):
        assert np.array_equal(index <= number, values <= edge)  # both false for a missing value
    assert np.array_equal(np.isnan(index), np.isnan(values))


@pytest.mark.parametrize("edges", [[2.0, 1.0], [1.0, 1.0], [float("inf")], [float("nan")], list(range(251)), ["1"], [True]])
def test_which_grids_are_refused(edges):
    with pytest.raises(GridRefused):
        checked_grid(edges)


def test_are_infinite_values_refused():
    with pytest.raises(ValueError, match="finite"):
        coarse_grid([1.0, float("inf")])
