"""The jail's two entries: from files to files, first in a plain process, then in the jail."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pyarrow as pa
import pytest

from catalog.messages import render
from sandbox.modelling import jailed_score, jailed_train
from sandbox.modelling.report import REFUSAL_SCHEMA, REPORT_SCHEMA
from sandbox.modelling.scorer import load_model, margins


def write_rows(path, columns):
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.fixture
def folders(tmp_path):
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    return inputs, outputs


@pytest.fixture
def job(folders, lending_rows, request_for):
    """Writes a training job's input; keyword arguments replace parts of the request, ``columns`` adds to or replaces the rows."""

    def write(algorithm="lightgbm", columns=None, **changes):
        request = request_for(lending_rows, "lightgbm")
        body = {"algorithm": algorithm, "features": request.features, "grid": request.grid, "params": {}, "threads": 2, "seed": 7}
        table = {
            **lending_rows.columns,
            "label": lending_rows.labels,
            "partition": (~lending_rows.trains).astype(np.int8),
            "observation_month": np.full(lending_rows.labels.size, 202401, dtype=np.int32),
        }
        write_rows(folders[0] / "rows.arrow", {**table, **(columns or {})})
        (folders[0] / "request.json").write_text(json.dumps({**body, **changes}))

    return write


def report_of(folders):
    return json.loads((folders[1] / "report.json").read_text())


@pytest.mark.parametrize(("algorithm", "file"), [("lightgbm", "model.txt"), ("scorecard", "scorecard.json")])
def test_do_a_model_and_its_report_come_out_and_does_the_model_score(job, folders, algorithm, file):
    job(algorithm)
    jailed_train.run(*folders)
    assert sorted(path.name for path in folders[1].iterdir()) == sorted([file, "report.json"])
    jsonschema.validate(report_of(folders), REPORT_SCHEMA)

    inputs, outputs = folders
    (inputs / file).write_text((outputs / file).read_text())
    firms = {name: np.array([1.0, 2.0, np.nan]) for name in ("turnover", "debt", "arrears", "same", "unknown")}
    write_rows(inputs / "rows.arrow", {**firms, "row": pa.array([5, 3, 9], pa.int32())})
    jailed_score.run(inputs, outputs)
    scores = pa.ipc.open_file(str(outputs / "scores.arrow")).read_all()
    assert scores.schema.names == ["margin"]
    assert scores["margin"].to_numpy() == pytest.approx(margins(load_model(file, (inputs / file).read_text()), firms))
    assert report_of(folders) == {"v": 1, "rows": 3}


N = 4000


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"algorithm": "neural"}, "modelling.parameter_refused", "lightgbm or scorecard"),
        ({"algorithm": ["scorecard"]}, "modelling.parameter_refused", "lightgbm or scorecard"),
        ({"params": {"data": "x"}}, "modelling.parameter_unknown", "data"),
        ({"params": []}, "modelling.bad_request", "params"),
        ({"extra": 1}, "modelling.bad_request", "keys"),
        ({"threads": 0}, "modelling.bad_request", "threads"),
        ({"seed": -1}, "modelling.bad_request", "seed"),
        ({"features": []}, "modelling.bad_request", "features"),
        ({"features": ["turnover", "turnover"]}, "modelling.bad_request", "features"),
        ({"grid": {}}, "modelling.bad_grid", "turnover"),
        ({"grid": {"turnover": [2, 1]}}, "modelling.bad_grid", "turnover"),
        ({"features": ["elsewhere"], "grid": {"elsewhere": []}}, "modelling.column_missing", "elsewhere"),
        ({"columns": {"turnover": ["x"] * N}}, "modelling.column_not_numeric", "turnover"),
        ({"columns": {"turnover": np.full(N, np.inf)}}, "modelling.not_finite", "turnover"),
        ({"columns": {"label": np.full(N, 2)}}, "modelling.not_zero_or_one", "label"),
        ({"columns": {"label": np.full(N, np.nan)}}, "modelling.not_zero_or_one", "label"),
        ({"columns": {"label": np.zeros(N)}}, "modelling.too_few_of_a_class", "10"),
        ({"columns": {"partition": np.ones(N)}}, "modelling.no_rows", "no row"),
    ],
)
def test_which_jobs_are_refused_and_in_which_words(job, folders, changes, code, said):
    job(**changes)
    jailed_train.run(*folders)
    report = report_of(folders)
    jsonschema.validate(report, REFUSAL_SCHEMA)
    assert report["refused"]["code"] == code
    assert said in render(code, report["refused"]["params"])
    assert all(path.stat().st_size == 0 for path in folders[1].iterdir() if path.name != "report.json")


def test_are_rows_that_are_not_arrow_refused(job, folders):
    job()
    (folders[0] / "rows.arrow").write_bytes(b"ARROW1 or not")
    jailed_train.run(*folders)
    assert report_of(folders)["refused"]["code"] == "modelling.unreadable_rows"


def test_is_scoring_without_one_model_refused(folders):
    write_rows(folders[0] / "rows.arrow", {"row": pa.array([1], pa.int32())})
    jailed_score.run(*folders)
    assert report_of(folders)["refused"]["code"] == "modelling.unreadable_model"
    assert (folders[1] / "scores.arrow").read_bytes() == b""
