"""Scorecards: do the coefficients, the signs and the points come out right?"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from statsmodels.api import Logit, add_constant

from sandbox.modelling.canonical_scorecard import emit_scorecard, parse_scorecard
from sandbox.modelling.regression import fit_logistic
from sandbox.modelling.scorecard import base_points, card_margin, card_points, train_scorecard
from sandbox.modelling.woe import SMALLEST_CLASS, count_cells


def sample(n=2000, seed=3):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, 4))
    return rows, (random.random(n) < 1 / (1 + np.exp(1.5 - rows @ [0.5, -1.0, 0.0, 0.3]))).astype(np.int8)


def test_are_the_coefficients_those_of_statsmodels_without_a_ridge():
    rows, labels = sample()
    expected = Logit(labels, add_constant(rows)).fit(disp=0).params
    assert fit_logistic(rows, labels, 0.0) == pytest.approx(expected, abs=1e-6)


def test_are_the_coefficients_those_of_scikit_learn_with_a_ridge():
    rows, labels = sample()
    other = LogisticRegression(C=1 / 5.0, tol=1e-10, max_iter=1000).fit(rows, labels)
    assert fit_logistic(rows, labels, 5.0) == pytest.approx(np.r_[other.intercept_, other.coef_[0]], abs=1e-5)


def test_does_separation_end_with_finite_coefficients():
    rows = np.linspace(-1, 1, 100)[:, None]
    assert np.isfinite(fit_logistic(rows, (rows[:, 0] > 0).astype(np.int8), 1.0)).all()


@pytest.fixture
def trained(lending_rows, request_for):
    request = request_for(lending_rows, "scorecard")
    found = train_scorecard(lending_rows.columns, lending_rows.labels, request.grid, request.params)
    assert found is not None
    return found


def test_is_every_coefficient_negative_and_every_useless_feature_gone(trained):
    assert [feature.name for feature in trained.card.features] == ["turnover", "debt", "arrears"]
    assert max(trained.card.coefficients) < 0
    assert trained.spread_share["same"] == trained.spread_share["unknown"] == 0.0
    assert sum(trained.spread_share.values()) == pytest.approx(1.0)


def test_has_every_bin_of_the_card_enough_goods_and_bads(trained, lending_rows):
    for feature in trained.card.features:
        goods, bads = count_cells(lending_rows.columns[feature.name], lending_rows.labels, feature.edges)
        shown = slice(None) if feature.missing_woe else slice(-1)
        assert min(goods[shown].min(), bads[shown].min()) >= SMALLEST_CLASS


def test_do_base_odds_score_base_points_and_doubled_odds_pdo_more(trained, lending_rows):
    margins, points = card_margin(trained.card, lending_rows.columns), card_points(trained.card, lending_rows.columns)
    assert points == pytest.approx(600 + 20 / np.log(2) * (-margins - np.log(50)), abs=0.01)
    assert base_points(trained.card) == pytest.approx(600 + 20 / np.log(2) * (-trained.card.intercept - np.log(50)))


def test_does_the_file_give_the_same_card_back(trained):
    assert parse_scorecard(emit_scorecard(trained.card)) == trained.card


def test_does_a_repeated_feature_with_the_wrong_sign_leave(lending_rows, request_for):
    request = request_for(lending_rows, "scorecard")
    # two noisy copies of one feature: the worse one corrects the better, against its own evidence
    random = np.random.default_rng(0)
    arrears = lending_rows.columns["arrears"]
    columns = {f"copy_{k}": arrears + random.normal(0, 0.2 * k, arrears.size) for k in (1, 2, 3, 4)}
    grid = dict.fromkeys(columns, (0.5, 1.5, 2.5))
    found = train_scorecard(columns, lending_rows.labels, grid, request.params)
    assert found is not None
    assert max(found.card.coefficients) < 0
