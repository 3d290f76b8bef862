"""The same job in the product's jail: does the same model come out, and is a refusal heard?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sandbox.jail.jailer import start_jail
from sandbox.jail.outcomes import Outcome
from sandbox.jail.spec import Bind, JailSpec, Limits, platform_code, platform_program
from sandbox.modelling.training import train


def write_rows(path: Path, columns) -> None:
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.fixture
def in_jail(jail_environment, tmp_path):
    """Runs a module of sandbox.modelling in the jail over the files of a folder."""

    def run(module, files, outputs):
        for file in files:
            file.chmod(0o444)
        spec = JailSpec(
            program=platform_program(f"sandbox.modelling.{module}"),
            environment=jail_environment,
            inputs=tuple(Bind(file, file.name) for file in files),
            code=platform_code("sandbox.modelling"),
            outputs=outputs,
            limits=Limits(cpus=2, wall_seconds=120),
        )
        return start_jail(spec, tmp_path / f"out-{module}")

    return run


def training_files(folder, rows, request):
    folder.mkdir()
    body = {"algorithm": request.algorithm, "features": request.features, "grid": request.grid, "params": {}, "threads": 2, "seed": 7}
    (folder / "request.json").write_text(json.dumps(body))
    write_rows(folder / "rows.arrow", {**rows.columns, "label": rows.labels, "partition": (~rows.trains).astype(np.int8)})
    return [folder / "request.json", folder / "rows.arrow"]


@pytest.mark.parametrize(("algorithm", "file"), [("lightgbm", "model.txt"), ("scorecard", "scorecard.json")])
def test_does_the_jail_train_the_very_model_that_a_plain_process_trains(in_jail, tmp_path, lending_rows, request_for, algorithm, file):
    request = request_for(lending_rows, algorithm)
    result = in_jail("jailed_train", training_files(tmp_path / "in", lending_rows, request), (file, "report.json"))
    expected = train(lending_rows, request)
    assert (result.outcome, result.rejected) == (Outcome.SUCCEEDED, ())
    assert result.outputs[file].read_text() == expected.model_text
    assert json.loads(result.outputs["report.json"].read_text()) == expected.report


def test_does_an_approved_model_score_in_the_jail(in_jail, tmp_path, lending_rows, request_for):
    (tmp_path / "scorecard.json").write_text(train(lending_rows, request_for(lending_rows, "scorecard")).model_text)
    columns = {name: values[:5] for name, values in lending_rows.columns.items()}
    write_rows(tmp_path / "rows.arrow", {**columns, "row": pa.array(range(5), pa.int32())})
    files = [tmp_path / "scorecard.json", tmp_path / "rows.arrow"]
    result = in_jail("jailed_score", files, ("scores.arrow", "report.json"))
    assert result.outcome is Outcome.SUCCEEDED
    scores = pa.ipc.open_file(str(result.outputs["scores.arrow"])).read_all()
    assert np.isfinite(scores["margin"].to_numpy()).all()


def test_is_a_refusal_heard_outside(in_jail, tmp_path, lending_rows, request_for):
    one_class = dataclasses.replace(lending_rows, labels=np.zeros_like(lending_rows.labels))
    files = training_files(tmp_path / "in", one_class, request_for(lending_rows, "lightgbm"))
    result = in_jail("jailed_train", files, ("model.txt", "report.json"))
    assert (result.outcome, result.outputs["model.txt"].read_bytes()) == (Outcome.SUCCEEDED, b"")
    said = json.loads(result.outputs["report.json"].read_text())
    assert said == {"refused": {"code": "modelling.too_few_of_a_class", "params": {"smallest": 10}}}
