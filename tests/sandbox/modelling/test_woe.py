"""Scorecard bins: are they monotone, large enough, and are their weights what the formula says?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.modelling.woe import MOST_BINS, SMALLEST_CLASS, BinnedFeature, count_cells, monotone_bins, weigh

cells = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), min_size=2, max_size=65)


@given(cells, st.integers(10, 200), st.integers(2, MOST_BINS))
def test_do_bins_rise_or_fall_throughout_and_hold_enough(table, min_rows, max_bins):
    goods, bads = np.array(table, dtype=np.int64).T
    found = monotone_bins(goods, bads, [float(k) for k in range(len(table) - 2)], min_rows, max_bins)
    woe = weigh(found).woe
    steps = np.sign(np.diff([b / (g + b) for g, b in zip(found.goods, found.bads, strict=True)])) if len(found.goods) > 1 else []
    assert len(set(steps)) <= 1
    assert len(found.goods) == len(found.edges) + 1 == len(woe) <= max_bins
    assert sum(found.goods) + found.missing_goods == goods.sum()
    if len(found.goods) > 1:
        assert min(*found.goods, *found.bads) >= SMALLEST_CLASS
        assert min(np.add(found.goods, found.bads)) >= min_rows


@given(cells)
def test_is_the_information_value_never_negative(table):
    goods, bads = np.array(table, dtype=np.int64).T
    assert weigh(monotone_bins(goods, bads, [float(k) for k in range(len(table) - 2)])).information_value >= 0


def test_what_is_the_weight_of_a_bin():
    #        x <= 1   1 < x   missing
    feature = BinnedFeature(edges=(1.0,), goods=(80, 20), bads=(10, 40), missing_goods=3, missing_bads=1)
    evidence = weigh(feature)
    assert evidence.woe[0] == pytest.approx(math.log((80.5 / 101) / (10.5 / 51)))
    assert evidence.woe[1] == pytest.approx(math.log((20.5 / 101) / (40.5 / 51)))
    assert evidence.missing_woe == 0.0  # three goods and one bad are too few to show


def test_are_many_missing_values_a_bin_of_their_own():
    feature = BinnedFeature(edges=(), goods=(80,), bads=(20,), missing_goods=20, missing_bads=20)
    assert weigh(feature).missing_woe < 0 < weigh(feature).woe[0]
    assert feature.tells_apart


def test_which_cell_does_a_value_fall_into():
    values = np.array([0.0, 1.0, 1.5, np.nan, 2.5])
    goods, bads = count_cells(values, np.array([0, 1, 0, 1, 0], dtype=np.int8), [1.0, 2.0])
    #                     <=1  <=2  >2  missing
    assert goods.tolist() == [1, 1, 1, 0]
    assert bads.tolist() == [1, 0, 0, 1]
