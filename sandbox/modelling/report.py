"""report.json: what a training job says about its model. A closed schema: no minima or maxima, no free text, nothing per row."""

from __future__ import annotations

from typing import Any, Literal

from sandbox.modelling import evaluate
from sandbox.modelling.binning import Floats
from sandbox.modelling.table import Labels

VERSION = 1
MOST_FEATURES = 1000
EvaluatedOn = Literal["test", "cv"]

_FEATURE = {"type": "string", "pattern": "^[a-z][a-z0-9_]{1,62}$"}
_COUNT = {"type": "integer", "minimum": 0, "multipleOf": evaluate.COUNT_BASE}
_RATE = {"type": "number", "minimum": 0, "maximum": 1}
_RATE_OR_NONE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


def _closed(**properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


# JSON Schema (2020-12) of report.json. auc.test, ks, gini, roc and gains are of the test rows, or of the out-of-fold margins of a five-fold
# cross-validation within the training rows when "evaluated_on" is "cv".
REPORT_SCHEMA: dict[str, Any] = _closed(
    v={"const": VERSION},
    algorithm={"enum": ["lightgbm", "scorecard"]},
    evaluated_on={"enum": ["test", "cv"]},
    rows=_closed(train=_COUNT, test=_COUNT),
    auc=_closed(train=_RATE_OR_NONE, test=_RATE_OR_NONE),
    ks=_RATE_OR_NONE,
    gini={"type": ["number", "null"], "minimum": -1, "maximum": 1},
    psi={"type": ["number", "null"], "minimum": 0},
    roc={"type": "array", "maxItems": evaluate.ROC_POINTS, "items": _closed(fpr=_RATE, tpr=_RATE)},
    gains={"type": "array", "maxItems": evaluate.GAINS_BINS, "items": _closed(goods=_COUNT, bads=_COUNT, bad_rate=_RATE)},
    importance={"type": "array", "maxItems": MOST_FEATURES, "items": _closed(feature=_FEATURE, gain_share=_RATE)},
)

# What stands in report.json instead when the job was refused.
REFUSAL_SCHEMA: dict[str, Any] = _closed(
    refused=_closed(
        code={"type": "string", "pattern": "^modelling\\.[a-z_]{1,60}$"},
        params={"type": "object", "maxProperties": 8, "additionalProperties": {"type": ["string", "number"], "maxLength": 1000}},
    )
)


def build_report(
    algorithm: str,
    evaluated_on: EvaluatedOn,
    train: tuple[Floats, Labels],
    judged: tuple[Floats, Labels],
    test_rows: int,
    shares: dict[str, float],
) -> dict[str, Any]:
    """``train`` and ``judged`` are (margins, labels); ``judged`` is the test partition, or train's rows with out-of-fold margins.

    ``test_rows``: size of the test partition; ``shares``: importance per feature. A figure with too few of a class behind it is null.
    """
    margins, labels = judged
    may_show = evaluate.enough(labels)
    area = evaluate.auc(margins, labels) if may_show else None
    stability = evaluate.population_stability(train, judged) if may_show and evaluated_on == "test" else None
    return {
        "v": VERSION,
        "algorithm": algorithm,
        "evaluated_on": evaluated_on,
        "rows": {"train": evaluate.rounded_count(train[1].size), "test": evaluate.rounded_count(test_rows)},
        "auc": {
            "train": evaluate.shown(evaluate.auc(*train)) if evaluate.enough(train[1]) else None,
            "test": None if area is None else evaluate.shown(area),
        },
        "ks": evaluate.shown(evaluate.ks(margins, labels)) if may_show else None,
        "gini": None if area is None else evaluate.shown(2 * area - 1),
        "psi": None if stability is None else evaluate.shown(stability),
        "roc": [{"fpr": p.false_positive_rate, "tpr": p.true_positive_rate} for p in evaluate.roc_points(margins, labels)]
        if may_show
        else [],
        "gains": [{"goods": r.goods, "bads": r.bads, "bad_rate": r.bad_rate} for r in evaluate.gains_table(margins, labels)]
        if may_show
        else [],
        "importance": [{"feature": name, "gain_share": share} for name, share in evaluate.feature_shares(shares)],
    }
