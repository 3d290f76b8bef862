"""Which parameters may a bank set?"""

from __future__ import annotations

import pytest

from catalog.messages import catalogue, render
from sandbox.modelling.params import RULES, ParameterRefused, validate_params


def test_are_missing_parameters_filled_with_defaults():
    checked = validate_params("lightgbm", {"num_iterations": 50, "learning_rate": 0.1})
    assert list(checked) == list(RULES["lightgbm"])
    assert (checked["num_iterations"], checked["learning_rate"], checked["max_depth"]) == (50, 0.1, 4)


@pytest.mark.parametrize(
    ("algorithm", "params", "name"),
    [
        ("lightgbm", {"num_iterations": 501}, "num_iterations"),
        ("lightgbm", {"num_iterations": "50"}, "num_iterations"),
        ("lightgbm", {"num_iterations": True}, "num_iterations"),
        ("lightgbm", {"num_leaves": 7.5}, "num_leaves"),
        ("lightgbm", {"num_leaves": float("nan")}, "num_leaves"),
        ("lightgbm", {"num_leaves": float("inf")}, "num_leaves"),
        ("lightgbm", {"learning_rate": float("nan")}, "learning_rate"),
        ("lightgbm", {"lambda_l2": None}, "lambda_l2"),
        ("lightgbm", {"is_unbalance": 1}, "is_unbalance"),
        ("lightgbm", {"data": "/etc/passwd"}, "data"),
        ("lightgbm", {"forcedsplits_filename": "/in/x"}, "forcedsplits_filename"),
        ("lightgbm", {"n_estimators": 10}, "n_estimators"),
        ("scorecard", {"min_bin_rows": 9}, "min_bin_rows"),
        ("neural", {}, "algorithm"),
    ],
)
def test_what_is_refused_and_by_which_name(algorithm, params, name):
    with pytest.raises(ParameterRefused) as refusal:
        validate_params(algorithm, params)
    assert refusal.value.name == name
    assert name in render(refusal.value.code, refusal.value.params)


def test_may_an_overfit_setting_be_trained_so_that_the_airlock_stops_it():
    assert validate_params("lightgbm", {"min_data_in_leaf": 1, "num_leaves": 255})["min_data_in_leaf"] == 1


def test_has_every_refusal_a_sentence_in_both_languages():
    codes = {code for code in catalogue() if code.startswith("modelling.")}
    assert "modelling.nothing_to_learn" in codes
    assert all(set(catalogue()[code]) == {"en", "zh"} for code in codes)
