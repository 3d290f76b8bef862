"""Score bands: frozen once, small ones withheld."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sandbox.modelling.bands import assign_bands, freeze_bands, withhold_small

some_margins = arrays(np.float64, st.integers(0, 500), elements=st.floats(-8, 8) | st.integers(-2, 2).map(float))


@given(some_margins, st.integers(1, 20), st.integers(1, 40))
def test_does_every_frozen_band_hold_enough_training_rows(scores, bands, smallest):
    edges = freeze_bands(scores, bands, smallest)
    counts = np.bincount(assign_bands(scores, edges), minlength=len(edges) + 2)[1:]
    assert len(counts) <= bands
    assert not edges or counts.min() >= smallest


def test_are_twenty_bands_about_equally_large():
    scores = np.random.default_rng(1).normal(size=10_000)
    counts = np.bincount(assign_bands(scores, freeze_bands(scores)))[1:]
    assert counts.size == 20
    assert counts.min() >= 490
    assert counts.max() <= 510


def test_which_band_does_a_margin_get():
    assert assign_bands([-1.0, 0.5, 0.50001, 9.0], [0.5, 2.0]).tolist() == [1, 1, 2, 3]


def test_which_rows_of_a_list_are_withheld():
    bands = [1] * 10 + [2] * 9 + [3]
    assert withhold_small(bands).tolist() == [False] * 10 + [True] * 10
    assert withhold_small([]).tolist() == []


@pytest.mark.parametrize("call", [lambda: freeze_bands([np.nan] * 30), lambda: assign_bands([np.nan], [0.0])])
def test_is_a_missing_margin_refused(call):
    with pytest.raises(ValueError, match="margin"):
        call()
