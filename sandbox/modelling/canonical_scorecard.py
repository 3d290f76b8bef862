"""The inert form of a scorecard: a closed JSON schema, checked value by value and written anew.

``{"v": 1, "intercept": -1.7, "coefficients": [-0.9], "pdo": 20.0, "base_score": 600.0, "base_odds": 50.0, "features": [
{"name": "a", "edges": [1.0, 2.5], "woe": [0.3, 0.1, -0.2], "points": [7.8, …], "missing_woe": 0.0, "missing_points": 0.0}]}``
Pure Python; ``scorecard`` evaluates what passed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.modelling.text_grammar import GrammarError, decode, feature_names, finite, load_json

VERSION = 1
LARGEST_FILE = 1 << 20
#: Bins of one feature, the one for missing values not counted. Source: usual scorecard practice; coarser hides more.
MOST_BINS = 20
#: Significant digits of every number but the edges, which are the registered grid's: what the last digits could carry is refused.
DIGITS = 6

_SCALE = ("intercept", "pdo", "base_score", "base_odds")
_TOP = {"v", "features", "coefficients", *_SCALE}
_FEATURE = {"name", "edges", "woe", "points", "missing_woe", "missing_points"}


@dataclass(frozen=True, slots=True)
class CanonicalFeature:
    """Bin of ``x`` = number of edges below ``x`` (``x <= edges[0]`` is bin 0); NaN has its own weight of evidence."""

    name: str
    edges: tuple[float, ...]
    woe: tuple[float, ...]
    points: tuple[float, ...]
    missing_woe: float
    missing_points: float


@dataclass(frozen=True, slots=True)
class CanonicalScorecard:
    """Margin (log-odds of label 1) = intercept + Σ coefficient · weight of evidence of the row's bin."""

    features: tuple[CanonicalFeature, ...]
    coefficients: tuple[float, ...]
    intercept: float
    pdo: float
    base_score: float
    base_odds: float


def parse_scorecard(text: str, features: Sequence[str] | None = None) -> CanonicalScorecard:
    """Read ``scorecard.json``. ``features``: registered names; the card may use some of them, in any order.

    Raises GrammarError outside the schema: unknown, repeated or missing keys, numbers not finite or over-precise, edges not
    ascending, more than 20 bins, points that are not the scaled weights.
    """
    decode(text.encode("utf-8", "replace"), LARGEST_FILE)
    top = _object(load_json(text, "card"), _TOP, "card")
    if top["v"] != VERSION or isinstance(top["v"], bool | float):
        raise GrammarError("unsupported_model", "card")
    card = CanonicalScorecard(
        tuple(_feature(item) for item in _list(top["features"], "card")),
        _numbers(top["coefficients"], "card"),
        *(_number(top[key], "card") for key in _SCALE),
    )
    check_scorecard(card, features)
    return card


def emit_scorecard(card: CanonicalScorecard) -> str:
    """The canonical text: sorted keys, no spaces, shortest decimals, one trailing newline. Raises GrammarError when malformed."""
    check_scorecard(card, None)
    features = [
        {
            "name": feature.name,
            "edges": list(feature.edges),
            "woe": list(feature.woe),
            "points": list(feature.points),
            "missing_woe": feature.missing_woe,
            "missing_points": feature.missing_points,
        }
        for feature in card.features
    ]
    body = {"v": VERSION, "features": features, "coefficients": list(card.coefficients)}
    body |= {key: getattr(card, key) for key in _SCALE}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def check_scorecard(card: CanonicalScorecard, registered: Sequence[str] | None) -> None:
    """Names, bins, edges, finite numbers of few digits. Raises GrammarError."""
    names = feature_names([feature.name for feature in card.features], None, "card")
    if registered is not None and not set(names) <= set(registered):
        raise GrammarError("unregistered_feature", "card")
    if len(card.coefficients) != len(names):
        raise GrammarError("wrong_length", "card")
    for value in (*card.coefficients, card.intercept, card.pdo, card.base_score, card.base_odds):
        _short(value, "card")
    if card.pdo <= 0 or card.base_odds <= 0:
        raise GrammarError("index_out_of_range", "card")
    for feature, coefficient in zip(card.features, card.coefficients, strict=True):
        _check_feature(feature, -card.pdo / math.log(2) * coefficient)


def _check_feature(feature: CanonicalFeature, points_per_woe: float) -> None:
    if len(feature.woe) > MOST_BINS:
        raise GrammarError("too_many_bins", "feature")
    if len(feature.woe) != len(feature.edges) + 1 or len(feature.points) != len(feature.woe):
        raise GrammarError("wrong_length", "feature")
    for edge in feature.edges:
        finite(edge, "feature")
    if any(low >= high for low, high in zip(feature.edges, feature.edges[1:], strict=False)):
        raise GrammarError("edges_not_ascending", "feature")
    pairs = zip((*feature.woe, feature.missing_woe), (*feature.points, feature.missing_points), strict=True)
    for weight, points in pairs:
        # Both sides are rounded to DIGITS: they agree to a few units of the last digit or one of them hides something.
        if not math.isclose(_short(points, "feature"), points_per_woe * _short(weight, "feature"), rel_tol=1e-5, abs_tol=1e-9):
            raise GrammarError("points_disagree", "feature")


def _short(value: float, where: str) -> float:
    if float(f"{finite(value, where):.{DIGITS}g}") != value:
        raise GrammarError("too_many_digits", where)
    return value


def _feature(value: object) -> CanonicalFeature:
    item = _object(value, _FEATURE, "feature")
    if not isinstance(item["name"], str):
        raise GrammarError("bad_feature_name", "feature")
    edges, woe, points = (_numbers(item[key], "feature") for key in ("edges", "woe", "points"))
    missing_woe, missing_points = (_number(item[key], "feature") for key in ("missing_woe", "missing_points"))
    return CanonicalFeature(item["name"], edges, woe, points, missing_woe, missing_points)


def _numbers(value: object, where: str) -> tuple[float, ...]:
    return tuple(_number(item, where) for item in _list(value, where))


def _object(value: object, keys: set[str], where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise GrammarError("wrong_type", where)
    if value.keys() - keys:
        raise GrammarError("unknown_key", where)
    if keys - value.keys():
        raise GrammarError("missing_key", where)
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise GrammarError("wrong_type", where)
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GrammarError("wrong_type", where)
    try:
        return finite(float(value), where)
    except OverflowError:
        raise GrammarError("not_a_finite_number", where) from None
