"""Are the figures right, and fit to leave?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from sandbox.modelling import evaluate

judged = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 1)), min_size=2, max_size=300).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


def split(rows):
    return np.array([m for m, _ in rows], dtype=np.float64) / 7, np.array([label for _, label in rows], dtype=np.int8)


@given(judged)
def test_is_the_auc_that_of_scikit_learn(rows):
    margins, labels = split(rows)
    assert evaluate.auc(margins, labels) == pytest.approx(roc_auc_score(labels, margins))


@given(judged)
def test_is_ks_the_largest_gap_of_the_roc_curve(rows):
    margins, labels = split(rows)
    false_rate, true_rate, _ = roc_curve(labels, margins)
    assert evaluate.ks(margins, labels) == pytest.approx(np.abs(true_rate - false_rate).max())


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(20, 2000), st.sampled_from([0.02, 0.2, 0.5]))
def test_is_every_band_and_step_rounded_and_large_enough(seed, n, rate):
    random = np.random.default_rng(seed)
    labels = (random.random(n) < rate).astype(np.int8)
    margins = random.normal(size=n) + labels
    if not evaluate.enough(labels):
        return
    gains, roc = evaluate.gains_table(margins, labels), evaluate.roc_points(margins, labels)
    assert all(row.goods % 5 == 0 and row.bads % 5 == 0 and min(row.goods, row.bads) >= 10 for row in gains)
    assert len(gains) <= 10
    assert 2 <= len(roc) <= 20
    assert (roc[0].true_positive_rate, roc[-1].true_positive_rate, roc[-1].false_positive_rate) == (0.0, 1.0, 1.0)


def test_what_is_the_psi_of_shares_that_moved():
    # one band each for low and high margins: shares ½, ½ become ¼, ¾
    labels = np.array(([0] * 10 + [1] * 10) * 4, dtype=np.int8)
    before, after = np.array([0.0] * 40 + [1.0] * 40), np.array([0.0] * 20 + [1.0] * 60)
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert evaluate.population_stability((before, labels), (after, labels)) == pytest.approx(expected)
    assert evaluate.population_stability((before, labels), (np.zeros(80), labels)) is None


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (12888, 12890)])
def test_to_what_are_counts_rounded(count, shown):
    assert evaluate.rounded_count(count) == shown


def test_is_importance_coarse():
    assert evaluate.feature_shares({"aa": 0.123, "bb": 0.877, "cc": 0.0}) == [("bb", 0.88), ("aa", 0.12)]
