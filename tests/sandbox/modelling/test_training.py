"""A whole training job, in a plain process: which model and report come out, and which tables are refused?"""

from __future__ import annotations

import dataclasses

import jsonschema
import numpy as np
import pytest

from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.report import REFUSAL_SCHEMA, REPORT_SCHEMA
from sandbox.modelling.scorer import load_model, margins
from sandbox.modelling.table import LabelledRows
from sandbox.modelling.training import MODEL_FILES, train

ALGORITHMS = ("lightgbm", "scorecard")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_does_the_report_follow_its_closed_schema_and_say_how_good_the_model_is(lending_rows, request_for, algorithm):
    trained = train(lending_rows, request_for(lending_rows, algorithm))
    jsonschema.validate(trained.report, REPORT_SCHEMA)
    assert trained.report["evaluated_on"] == "test"
    assert trained.report["auc"]["test"] > 0.65
    assert trained.report["gini"] == pytest.approx(2 * trained.report["auc"]["test"] - 1, abs=0.002)
    assert trained.report["importance"][0]["feature"] == "arrears"


def test_does_the_schema_refuse_anything_more(lending_rows, request_for):
    report = train(lending_rows, request_for(lending_rows, "scorecard")).report
    for broken in ({**report, "note": "x"}, {**report, "rows": {"train": 1, "test": 0}}, {**report, "auc": {"train": 0.5}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, REPORT_SCHEMA)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_do_the_same_rows_give_the_same_bytes(lending_rows, request_for, algorithm):
    first, again = (train(lending_rows, request_for(lending_rows, algorithm, threads=n)) for n in (1, 2))
    assert first == again


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_is_a_model_without_test_rows_judged_by_cross_validation(lending_rows, request_for, algorithm):
    rows = dataclasses.replace(lending_rows, trains=np.ones(lending_rows.labels.size, dtype=bool))
    report = train(rows, request_for(rows, algorithm)).report
    jsonschema.validate(report, REPORT_SCHEMA)
    assert (report["evaluated_on"], report["rows"]["test"], report["psi"]) == ("cv", 0, None)
    assert 0.65 < report["auc"]["test"] < report["auc"]["train"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_does_the_saved_model_score_rows_with_values_never_seen(lending_rows, request_for, algorithm):
    trained = train(lending_rows, request_for(lending_rows, algorithm))
    model = load_model(MODEL_FILES[algorithm], trained.model_text)
    strange = {name: np.array([np.nan, -1e12, 1e12]) for name in lending_rows.columns}
    assert np.isfinite(margins(model, strange)).all()


def few(bads: int, goods: int) -> LabelledRows:
    labels = np.array([1] * bads + [0] * goods, dtype=np.int8)
    return LabelledRows({"income": np.arange(labels.size, dtype=np.float64)}, labels, np.ones(labels.size, dtype=bool))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        pytest.param(few(0, 0), "modelling.no_rows", id="no rows"),
        pytest.param(few(0, 500), "modelling.too_few_of_a_class", id="one class"),
        pytest.param(few(9, 500), "modelling.too_few_of_a_class", id="nine bads"),
        pytest.param(dataclasses.replace(few(50, 50), columns={"income": np.ones(100)}), "modelling.nothing_to_learn", id="a constant"),
        pytest.param(
            dataclasses.replace(few(50, 50), columns={"income": np.full(100, np.nan)}), "modelling.nothing_to_learn", id="missing"
        ),
    ],
)
def test_which_tables_are_refused(rows, code, algorithm, request_for):
    with pytest.raises(JobRefused) as refusal:
        train(rows, request_for(rows, algorithm))
    assert refusal.value.code == code
    jsonschema.validate(refusal.value.to_json(), REFUSAL_SCHEMA)
