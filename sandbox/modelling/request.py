"""request.json of a training job: read once, checked once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.modelling.binning import GridRefused, checked_grid
from sandbox.modelling.params import ParameterRefused, Value, validate_params
from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.text_grammar import GrammarError, feature_names

MOST_THREADS = 64
LARGEST_SEED = 2**31 - 1
_KEYS = {"algorithm", "features", "grid", "params", "threads", "seed"}


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train, on which features, each with the edges of its grid."""

    algorithm: str
    features: tuple[str, ...]
    grid: dict[str, tuple[float, ...]]
    params: dict[str, Value]
    threads: int
    seed: int


def read_request(path: Path) -> TrainingRequest:
    """Raises JobRefused: "modelling.bad_request" with the part at fault, "modelling.bad_grid", or as ParameterRefused."""
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise JobRefused("modelling.bad_request", part="file") from None
    if not isinstance(body, dict) or set(body) != _KEYS:
        raise JobRefused("modelling.bad_request", part="keys")
    try:
        params = validate_params(body["algorithm"], _mapping(body["params"], "params"))
    except ParameterRefused as refusal:
        raise JobRefused(refusal.code, **refusal.params) from None
    features = _features(body["features"])
    return TrainingRequest(
        algorithm=body["algorithm"],
        features=features,
        grid=_grid(_mapping(body["grid"], "grid"), features),
        params=params,
        threads=_whole(body["threads"], "threads", 1, MOST_THREADS),
        seed=_whole(body["seed"], "seed", 0, LARGEST_SEED),
    )


def _mapping(value: Any, part: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JobRefused("modelling.bad_request", part=part)
    return value


def _whole(value: Any, part: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise JobRefused("modelling.bad_request", part=part)
    return value


def _features(value: Any) -> tuple[str, ...]:
    """Names in the grammar that a model's text allows, each once."""
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise JobRefused("modelling.bad_request", part="features")
    try:
        return feature_names(value, None, "request")
    except GrammarError:
        raise JobRefused("modelling.bad_request", part="features") from None


def _grid(grid: dict[str, Any], features: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    for name in features:
        try:
            checked_grid(grid[name])
        except (KeyError, TypeError, GridRefused):
            raise JobRefused("modelling.bad_grid", column=name) from None
    return {name: tuple(float(edge) for edge in grid[name]) for name in features}
