"""Artefact grammar and canonical re-emission: hostile bytes in, inert bytes out, the same predictions. Runs first, in jail A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sandbox.airlock.checks.finding import Finding, block, passed
from sandbox.airlock.checks.metrics_file import parse_metrics, reprint_metrics
from sandbox.airlock.checks.scores_file import parse_scores, reprint_scores
from sandbox.modelling.canonical import LARGEST_TEXT, Forest, emit_model, parse_model
from sandbox.modelling.canonical_scorecard import emit_scorecard, parse_scorecard
from sandbox.modelling.text_grammar import GrammarError, decode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TYPES = ("model.trees", "model.scorecard", "metrics", "scores")
#: Rows drawn around the model's own thresholds to compare the text that came in with the text that goes out.
PROBES = 2_000
_SOURCE = "exact"


def reprint(artefact_type: str, data: bytes, features: Sequence[str] | None) -> bytes:
    """The canonical bytes of an artefact. Raises GrammarError, which carries no byte of ``data``."""
    text = decode(data, LARGEST_TEXT)
    match artefact_type:
        case "model.trees":
            return emit_model(parse_model(text, features)).encode()
        case "model.scorecard":
            return emit_scorecard(parse_scorecard(text, features)).encode()
        case "metrics":
            return reprint_metrics(parse_metrics(text, features)).encode()
        case "scores":
            return reprint_scores(parse_scores(text)).encode()
    raise GrammarError("unknown_type", "request")


def measure_re_emission(original: str, canonical: str) -> dict[str, int]:
    """How many probe rows LightGBM scores differently from the two texts. Only for text that passed the grammar."""
    import lightgbm as lgb
    import numpy as np

    rows = probes(parse_model(canonical))
    before = lgb.Booster(model_str=original).predict(rows, raw_score=True, num_threads=1)
    after = lgb.Booster(model_str=canonical).predict(rows, raw_score=True, num_threads=1)
    return {"probes": len(rows), "differing": int(np.count_nonzero(before != after))}


def probes(forest: Forest, count: int = PROBES) -> NDArray[np.float64]:
    """Rows (count, features) at, just below and just above thresholds of each feature, one value in eight missing. Fixed seed."""
    import numpy as np

    generator = np.random.default_rng(20_240_501)
    rows = np.zeros((count, len(forest.features)), dtype=np.float64)
    thresholds: list[set[float]] = [set() for _ in forest.features]
    for tree in forest.trees:
        for feature, threshold in zip(tree.split_feature, tree.threshold, strict=True):
            thresholds[feature].add(threshold)
    for column, found in enumerate(thresholds):
        values = np.array(sorted(value for value in found if np.isfinite(value)) or [0.0])
        around = np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)])
        rows[:, column] = generator.choice(around, count)
    rows[generator.random(rows.shape) < 0.125] = np.nan
    return rows


def judge_grammar(grammar: Mapping[str, str | None]) -> Finding:
    """``grammar`` = {"code": null or which rule, "where": null or class of place}."""
    code = grammar["code"]
    if code is None:
        return passed("grammar", "in_grammar", "in_grammar", _SOURCE)
    return block("grammar", code, "in_grammar", _SOURCE, where=grammar["where"])


def judge_re_emission(found: Mapping[str, int] | None) -> Finding:
    """``found`` = {"probes", "differing"}; None when LightGBM could not be asked."""
    if found is None:
        return block("re_emission", None, 0, _SOURCE)
    make = passed if found["differing"] == 0 and found["probes"] > 0 else block
    return make("re_emission", found["differing"], 0, _SOURCE, probes=found["probes"])
