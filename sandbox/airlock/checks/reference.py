"""Reference models: the same training without the row in question. They tell what any model says of a row it never saw.

A later year or another population is harder to score and looks like "not trained on"; the references show that part, so that it
is not taken for a leak (difficulty calibration, Watson et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.params import ParameterRefused, Value, validate_params
from sandbox.modelling.scorecard import card_margin, train_scorecard
from sandbox.modelling.scorer import Model, margins
from sandbox.modelling.table import LabelledRows, Labels
from sandbox.modelling.trees import train_forest

Floats = NDArray[np.float64]

FOLDS = 4
#: Rows a reference is trained on, at most: enough for it to generalise as the model does.
MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the model says it was trained. The check that retrains it to the same hash holds it to that."""

    algorithm: str
    params: Mapping[str, object]
    grid: Mapping[str, Sequence[float]]


def reference_margins(rows: LabelledRows, subjects: NDArray[np.int64], recipe: Recipe) -> Floats:
    """Log-odds (n,) of every row, training rows from a reference without their subject, other rows from one reference each."""
    fold = subjects % FOLDS
    found = np.empty(rows.labels.size, dtype=np.float64)
    for number in range(FOLDS):
        learn = np.flatnonzero(rows.trains & (fold != number))
        learn = learn[np.linspace(0, learn.size - 1, min(learn.size, MOST_ROWS)).astype(np.intp)]
        asked = fold == number
        columns = {name: values[learn] for name, values in rows.columns.items()}
        found[asked] = _asked(columns, rows.labels[learn], {name: values[asked] for name, values in rows.columns.items()}, recipe)
    return found


def _asked(columns: dict[str, Floats], labels: Labels, asked: dict[str, Floats], recipe: Recipe) -> Floats:
    params = _params(recipe)
    if recipe.algorithm == "scorecard":
        trained = train_scorecard(columns, labels, recipe.grid, params)
        count = len(next(iter(asked.values())))
        return np.zeros(count) if trained is None else card_margin(trained.card, asked)
    grown = train_forest(columns, labels, recipe.grid, params, seed=1, threads=1)
    return margins(Model(grown.forest), asked)


def _params(recipe: Recipe) -> dict[str, Value]:
    """The declared parameters, or the platform's defaults for a model of unknown making."""
    try:
        return validate_params(recipe.algorithm, recipe.params)
    except ParameterRefused:
        return validate_params(recipe.algorithm, {})
