"""Margins of an approved model, either form, for any rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sandbox.modelling.binning import Floats
from sandbox.modelling.canonical import Forest, parse_model
from sandbox.modelling.canonical_scorecard import CanonicalScorecard, parse_scorecard
from sandbox.modelling.forest import margin as forest_margin
from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.scorecard import card_margin
from sandbox.modelling.trees import feature_matrix

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the columns it reads."""

    body: Forest | CanonicalScorecard

    @property
    def features(self) -> tuple[str, ...]:
        if isinstance(self.body, Forest):
            return self.body.features
        return tuple(feature.name for feature in self.body.features)


def load_model(name: str, text: str) -> Model:
    """``name``: "model.txt" or "scorecard.json". Raises JobRefused("modelling.unreadable_model")."""
    try:
        return Model(parse_model(text) if name == "model.txt" else parse_scorecard(text))
    except ValueError:
        raise JobRefused("modelling.unreadable_model") from None


def margins(model: Model, columns: Mapping[str, Floats]) -> Floats:
    """Log-odds of a bad per row, shape (n,). ``columns``: float64 (n,) per feature, NaN is missing. A slice of rows at a time."""
    rows = len(next(iter(columns.values())))
    total = np.empty(rows, dtype=np.float64)
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        total[part] = _slice_margins(model.body, {name: values[part] for name, values in columns.items()})
    return total


def _slice_margins(body: Forest | CanonicalScorecard, columns: Mapping[str, Floats]) -> Floats:
    if isinstance(body, Forest):
        return forest_margin(body, feature_matrix(body, columns))
    return card_margin(body, columns)
