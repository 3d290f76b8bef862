"""One training job: rows and a request in, a model's text and its report out. No files, so that tests and the twin run it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats
from sandbox.modelling.canonical import emit_model
from sandbox.modelling.canonical_scorecard import emit_scorecard
from sandbox.modelling.evaluate import SMALLEST_CLASS, enough
from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.report import build_report
from sandbox.modelling.request import TrainingRequest
from sandbox.modelling.scorecard import train_scorecard
from sandbox.modelling.scorer import Model, margins
from sandbox.modelling.table import LabelledRows, Labels
from sandbox.modelling.trees import train_forest

FOLDS = 5
MODEL_FILES = {"lightgbm": "model.txt", "scorecard": "scorecard.json"}


@dataclass(frozen=True, slots=True)
class Trained:
    """``model_text`` belongs into the file MODEL_FILES[algorithm]; ``report`` follows REPORT_SCHEMA."""

    model_text: str
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Fit:
    model: Model
    text: str
    shares: dict[str, float]


def train(rows: LabelledRows, request: TrainingRequest) -> Trained:
    """Train on the training partition and judge on the other, or by cross-validation when that holds too few of a class.

    Raises JobRefused: "modelling.no_rows", "modelling.too_few_of_a_class", "modelling.nothing_to_learn".
    """
    columns, labels = _part(rows, rows.trains)
    if labels.size == 0:
        raise JobRefused("modelling.no_rows")
    if not enough(labels):
        raise JobRefused("modelling.too_few_of_a_class", smallest=SMALLEST_CLASS)
    fit = _fit(columns, labels, request)
    if fit is None:
        raise JobRefused("modelling.nothing_to_learn")
    on_train = margins(fit.model, columns), labels
    test_columns, test_labels = _part(rows, ~rows.trains)
    if enough(test_labels):
        judged = margins(fit.model, test_columns), test_labels
        return Trained(fit.text, build_report(request.algorithm, "test", on_train, judged, test_labels.size, fit.shares))
    judged = _out_of_fold(columns, labels, request), labels
    return Trained(fit.text, build_report(request.algorithm, "cv", on_train, judged, test_labels.size, fit.shares))


def _part(rows: LabelledRows, which: NDArray[np.bool_]) -> tuple[dict[str, Floats], Labels]:
    return {name: values[which] for name, values in rows.columns.items()}, rows.labels[which]


def _fit(columns: Mapping[str, Floats], labels: Labels, request: TrainingRequest) -> _Fit | None:
    """None when no feature tells goods from bads."""
    if request.algorithm == "scorecard":
        trained = train_scorecard(columns, labels, request.grid, request.params)
        return None if trained is None else _Fit(Model(trained.card), emit_scorecard(trained.card), trained.spread_share)
    grown = train_forest(columns, labels, request.grid, request.params, seed=request.seed, threads=request.threads)
    return _Fit(Model(grown.forest), emit_model(grown.forest), grown.gain_share) if any(grown.gain_share.values()) else None


def _out_of_fold(columns: Mapping[str, Floats], labels: Labels, request: TrainingRequest) -> Floats:
    """Each row's margin from a model trained without its fold. Rows come permuted: every fifth row is a fold.

    A fold whose remainder teaches nothing gets the log-odds of that remainder.
    """
    found = np.empty(labels.size, dtype=np.float64)
    fold = np.arange(labels.size) % FOLDS
    for number in range(FOLDS):
        inside, outside = fold != number, fold == number
        fit = _fit({name: values[inside] for name, values in columns.items()}, labels[inside], request) if _both(labels[inside]) else None
        found[outside] = (
            _prior_margin(labels[inside]) if fit is None else margins(fit.model, {name: v[outside] for name, v in columns.items()})
        )
    return found


def _both(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < labels.size


def _prior_margin(labels: Labels) -> float:
    return float(np.log((labels.sum() + 0.5) / (labels.size - labels.sum() + 0.5)))
