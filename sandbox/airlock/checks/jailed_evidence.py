"""Jail B: canonical bytes and the pinned rows become /out/evidence.json, numbers only. It never sees the bytes that were submitted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sandbox.airlock.checks import membership, structure
from sandbox.airlock.checks.reference import Recipe, reference_margins
from sandbox.modelling import forest as evaluator
from sandbox.modelling.canonical import Forest, parse_model
from sandbox.modelling.canonical_scorecard import CanonicalScorecard, parse_scorecard
from sandbox.modelling.scorecard import card_margin
from sandbox.modelling.table import LabelledRows, labelled_rows, open_table


@dataclass(frozen=True, slots=True)
class _Job:
    text: str
    features: tuple[str, ...]
    grid: Mapping[str, Sequence[float]]
    limits: Mapping[str, int]
    rows: LabelledRows
    subjects: NDArray[np.int64]
    recipe: Recipe

    def matrix(self) -> NDArray[np.float64]:
        return np.column_stack([self.rows.columns[name] for name in self.features])


def run(inputs: Path, outputs: Path) -> None:
    """``inputs``: ``canonical``, ``rows.arrow``, ``request.json`` {"type", "features", "grid", "limits", "algorithm", "params"}."""
    request = json.loads((inputs / "request.json").read_bytes())
    evidence = measure(request, (inputs / "canonical").read_bytes(), open_table(inputs / "rows.arrow"))
    (outputs / "evidence.json").write_text(json.dumps(evidence, sort_keys=True, allow_nan=False))


def measure(request: Mapping[str, Any], canonical: bytes, table: pa.Table) -> dict[str, Any]:
    """Evidence on one model: its structure over training rows, membership attacks over all rows, and our evaluator against LightGBM's."""
    features = tuple(request["features"])
    rows = labelled_rows(table, features)
    recipe = Recipe(request["algorithm"], request["params"], request["grid"])
    job = _Job(canonical.decode("ascii"), features, request["grid"], request["limits"], rows, _subjects(table), recipe)
    trains = rows.trains
    evidence: dict[str, Any] = {
        "v": 1,
        "type": request["type"],
        "canonical_sha256": hashlib.sha256(canonical).hexdigest(),
        "rows": {"train": int(trains.sum()), "test": int((~trains).sum()), "subjects": int(np.unique(job.subjects[trains]).size)},
        "structure": None,
        "membership": None,
        "evaluator": None,
        "errors": [],
    }
    if request["type"] == "model.trees":
        _measure_trees(evidence, job)
    else:
        _measure_scorecard(evidence, job)
    return evidence


def _measure_trees(evidence: dict[str, Any], job: _Job) -> None:
    model = parse_model(job.text, job.features)
    matrix = job.matrix()
    margins = evaluator.margin(model, matrix)
    _section(evidence, "structure", lambda: _forest_structure(model, matrix, job))
    _section(evidence, "membership", lambda: _membership(job, matrix, margins))
    _section(evidence, "evaluator", lambda: _compare(job.text, matrix, margins))


def _measure_scorecard(evidence: dict[str, Any], job: _Job) -> None:
    card = parse_scorecard(job.text, job.features)
    margins = card_margin(card, job.rows.columns)
    _section(evidence, "structure", lambda: _card_structure(card, job))
    _section(evidence, "membership", lambda: _membership(job, job.matrix(), margins))
    # One evaluator exists for scorecards; there is nothing to compare it with.
    evidence["evaluator"] = {"rows": len(margins), "differing": 0}


def _membership(job: _Job, matrix: NDArray[np.float64], margins: NDArray[np.float64]) -> membership.Membership:
    reference = reference_margins(job.rows, job.subjects, job.recipe)
    return membership.measure(matrix, job.rows.labels, margins, reference, job.rows.trains)


def _forest_structure(model: Forest, matrix: NDArray[np.float64], job: _Job) -> structure.Structure:
    trains = job.rows.trains
    labels, subjects = job.rows.labels[trains], job.subjects[trains]
    return structure.measure_forest(model, matrix[trains], labels, subjects, job.grid, job.limits["smallest_leaf"])


def _card_structure(card: CanonicalScorecard, job: _Job) -> structure.Structure:
    trains = job.rows.trains
    columns = {name: values[trains] for name, values in job.rows.columns.items()}
    smallest, smallest_class = job.limits["smallest_leaf"], job.limits["smallest_class_in_bin"]
    return structure.measure_scorecard(card, columns, job.rows.labels[trains], job.subjects[trains], job.grid, smallest, smallest_class)


def _compare(text: str, matrix: NDArray[np.float64], margins: NDArray[np.float64]) -> dict[str, int]:
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    differing = np.count_nonzero(booster.predict(matrix, raw_score=True, num_threads=1) != margins)
    return {"rows": len(margins), "differing": int(differing)}


def _subjects(table: pa.Table) -> NDArray[np.int64]:
    """The platform's dense subject index, or each row its own subject when the table has none."""
    if "subject" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64)
    return np.asarray(table.column("subject").to_numpy(), dtype=np.int64)


def _section(evidence: dict[str, Any], section: str, measure_it: Callable[[], Mapping[str, Any]]) -> None:
    """A check that fails is recorded by name alone and counts as a block."""
    try:
        evidence[section] = dict(measure_it())
    except membership.TooFewRows:
        evidence["errors"].append({"check": section, "code": "too_few_rows"})
    except Exception:
        evidence["errors"].append({"check": section, "code": "failed"})


if __name__ == "__main__":
    run(Path("/in"), Path("/out"))
