"""Train a scorecard: weights of evidence per bin of each feature, and a logistic regression on them.

The margin is the log-odds of a bad (label 1); points rise as the margin falls: score = base_score + pdo/ln 2 · (-margin - ln base_odds):
base_odds goods to one bad score base_score, and doubling the odds adds pdo points (Siddiqi, Credit Risk Scorecards, 2006, ch. 6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.modelling.binning import Floats
from sandbox.modelling.canonical_scorecard import DIGITS, CanonicalFeature, CanonicalScorecard
from sandbox.modelling.params import Value
from sandbox.modelling.regression import fit_logistic
from sandbox.modelling.table import Labels
from sandbox.modelling.woe import BinnedFeature, Evidence, count_cells, monotone_bins, weigh


@dataclass(frozen=True, slots=True)
class TrainedScorecard:
    """A card, and each used feature's share of the margin's spread on the training rows."""

    card: CanonicalScorecard
    spread_share: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    bins: BinnedFeature
    evidence: Evidence
    values: Floats  # weight of evidence per row


def train_scorecard(
    columns: Mapping[str, Floats], labels: Labels, grid: Mapping[str, Sequence[float]], params: Mapping[str, Value]
) -> TrainedScorecard | None:
    """Bin, weigh, keep the informative features, regress, and drop one feature after another whose coefficient has the wrong sign.

    ``columns``: one float64 array (n,) per feature, NaN is missing; ``params``: from validate_params. None when no feature is of use.
    """
    found = (_candidate(name, values, labels, grid[name], params) for name, values in columns.items())
    useful = [c for c in found if c.bins.tells_apart and c.evidence.information_value >= params["min_iv"]]
    useful.sort(key=lambda c: (-c.evidence.information_value, c.name))
    registered = {name: place for place, name in enumerate(columns)}
    chosen = sorted(useful[: int(params["max_features"])], key=lambda c: registered[c.name])
    kept, beta = _rightly_signed(chosen, labels, float(params["ridge"]))
    if not kept:
        return None
    spread = np.array([abs(b) * float(c.values.std()) for b, c in zip(beta[1:], kept, strict=True)])
    shares = dict(zip((c.name for c in kept), (spread / spread.sum()).tolist(), strict=True))
    return TrainedScorecard(_card(kept, beta, params), {name: shares.get(name, 0.0) for name in columns})


def _candidate(name: str, values: Floats, labels: Labels, edges: Sequence[float], params: Mapping[str, Value]) -> _Candidate:
    goods, bads = count_cells(values, labels, edges)
    bins = monotone_bins(goods, bads, edges, int(params["min_bin_rows"]), int(params["max_bins"]))
    evidence = weigh(bins)
    return _Candidate(name, bins, evidence, _look_up(values, bins.edges, evidence.woe, evidence.missing_woe))


def _rightly_signed(candidates: list[_Candidate], labels: Labels, ridge: float) -> tuple[list[_Candidate], Floats]:
    """A coefficient that is not negative turns better evidence into a worse score: such a feature goes, the worst first."""
    while candidates:
        beta = fit_logistic(np.column_stack([c.values for c in candidates]), labels, ridge)
        worst = int(np.argmax(beta[1:]))
        if beta[1 + worst] < 0:
            return candidates, beta
        candidates = [c for position, c in enumerate(candidates) if position != worst]
    return [], np.empty(0)


def _card(kept: list[_Candidate], beta: Floats, params: Mapping[str, Value]) -> CanonicalScorecard:
    coefficients = tuple(rounded(float(b)) for b in beta[1:])
    pdo, base_score, base_odds = (rounded(float(params[name])) for name in ("pdo", "base_score", "base_odds"))
    features = tuple(_card_feature(c, b, pdo) for c, b in zip(kept, coefficients, strict=True))
    return CanonicalScorecard(features, coefficients, rounded(float(beta[0])), pdo, base_score, base_odds)


def _card_feature(candidate: _Candidate, coefficient: float, pdo: float) -> CanonicalFeature:
    """Points of a bin: -pdo/ln 2 · coefficient · weight of evidence, each factor as printed."""
    woe, missing = tuple(map(rounded, candidate.evidence.woe)), rounded(candidate.evidence.missing_woe)
    factor = -_points_per_log_odds(pdo) * coefficient
    points = tuple(rounded(factor * weight) for weight in woe)
    return CanonicalFeature(candidate.name, candidate.bins.edges, woe, points, missing, rounded(factor * missing))


def _points_per_log_odds(pdo: float) -> float:
    return pdo / math.log(2)


def rounded(value: float) -> float:
    """To DIGITS significant digits, with one form of zero."""
    return float(f"{value:.{DIGITS}g}") + 0.0


def _look_up(values: Floats, edges: Sequence[float], weights: Sequence[float], missing: float) -> Floats:
    table = np.array([*weights, missing], dtype=np.float64)
    index = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
    index[np.isnan(values)] = len(weights)
    return np.asarray(table[index], dtype=np.float64)


def card_margin(card: CanonicalScorecard, columns: Mapping[str, Floats]) -> Floats:
    """Log-odds of a bad per row, shape (n,). ``columns``: float64 (n,) per feature of the card, NaN is missing."""
    total = np.full(_rows(columns), card.intercept, dtype=np.float64)
    for feature, coefficient in zip(card.features, card.coefficients, strict=True):
        total += coefficient * _look_up(columns[feature.name], feature.edges, feature.woe, feature.missing_woe)
    return total


def base_points(card: CanonicalScorecard) -> float:
    """The score of a row whose every weight of evidence is 0."""
    return card.base_score - _points_per_log_odds(card.pdo) * (card.intercept + math.log(card.base_odds))


def card_points(card: CanonicalScorecard, columns: Mapping[str, Floats]) -> Floats:
    """The score per row, shape (n,): base points and the points of each bin."""
    total = np.full(_rows(columns), base_points(card), dtype=np.float64)
    for feature in card.features:
        total += _look_up(columns[feature.name], feature.edges, feature.points, feature.missing_points)
    return total


def _rows(columns: Mapping[str, Floats]) -> int:
    return len(next(iter(columns.values())))
