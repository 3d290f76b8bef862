"""Inside the jail: an approved model (/in/model.txt or /in/scorecard.json) over /in/rows.arrow gives /out/scores.arrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from sandbox.modelling.jailed_train import REPORT, write_json, write_refusal
from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.scorer import Model, load_model, margins
from sandbox.modelling.table import feature_columns, open_table
from sandbox.modelling.training import MODEL_FILES

SCORES = "scores.arrow"


def run(inputs: Path, outputs: Path) -> None:
    """Write (margin float64) in the order of the input, and {"v": 1, "rows": n} as the report; or the refusal as the report
    and an empty list.

    The margins are for the trusted parent, which turns them into bands; they never leave.
    """
    try:
        model = _only_model(inputs)
        table = open_table(inputs / "rows.arrow")
        columns = feature_columns(table, model.features)
        scores = margins(model, columns) if columns else np.zeros(table.num_rows)
    except JobRefused as refusal:
        write_refusal(outputs, refusal, (SCORES,))
        return
    _write_scores(outputs / SCORES, scores)
    write_json(outputs / REPORT, {"v": 1, "rows": table.num_rows})


def _only_model(inputs: Path) -> Model:
    names = [name for name in MODEL_FILES.values() if (inputs / name).exists()]
    if len(names) != 1:
        raise JobRefused("modelling.unreadable_model")
    return load_model(names[0], (inputs / names[0]).read_text("utf-8"))


def _write_scores(path: Path, scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    table = pa.table({"margin": pa.array(scores, pa.float64())})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    run(Path("/in"), Path("/out"))
