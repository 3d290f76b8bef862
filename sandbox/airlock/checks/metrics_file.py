"""report.json by its closed schema: totals, a short curve, a gains table, importances. No key exists for a minimum, a maximum or a row.

The same keys as ``sandbox.modelling.report`` writes and a bank's script may write; read here in pure Python because the bytes are hostile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sandbox.modelling.text_grammar import MOST_FEATURES, GrammarError, decode, finite, load_json

VERSION = 1
LARGEST_FILE = 1 << 20
ALGORITHMS = ("lightgbm", "scorecard")
EVALUATED_ON = ("test", "cv")
#: List entries the grammar admits; how many may be released is the policy's.
MOST_POINTS = 10_000
LARGEST_COUNT = 10**9

Metrics = dict[str, object]
_TOP = ("v", "algorithm", "evaluated_on", "rows", "auc", "ks", "gini", "psi", "roc", "gains", "importance")


def parse_metrics(text: str, features: Sequence[str] | None = None) -> Metrics:
    """The report as plain dicts. Raises GrammarError: keys not as listed, wrong type, number out of range, unknown feature."""
    decode(text.encode("utf-8", "replace"), LARGEST_FILE)
    top = _closed(load_json(text, "report"), _TOP, "report")
    if top["v"] != VERSION or isinstance(top["v"], bool | float):
        raise GrammarError("unsupported_report", "report")
    return {
        "v": VERSION,
        "algorithm": _one_of(top["algorithm"], ALGORITHMS),
        "evaluated_on": _one_of(top["evaluated_on"], EVALUATED_ON),
        "rows": _record(top["rows"], {"train": _count, "test": _count}, "rows"),
        "auc": _record(top["auc"], {"train": _rate_or_none, "test": _rate_or_none}, "auc"),
        "ks": _rate_or_none(top["ks"]),
        "gini": None if top["gini"] is None else _number(top["gini"], -1.0, 1.0),
        "psi": None if top["psi"] is None else _number(top["psi"], 0.0, 1e6),
        "roc": _records(top["roc"], {"fpr": _rate, "tpr": _rate}, MOST_POINTS, "roc"),
        "gains": _records(top["gains"], {"goods": _count, "bads": _count, "bad_rate": _rate}, MOST_POINTS, "gains"),
        "importance": _importance(top["importance"], features),
    }


def reprint_metrics(metrics: Metrics) -> str:
    """Sorted keys, no spaces, one trailing newline."""
    return json.dumps(metrics, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _importance(value: object, features: Sequence[str] | None) -> list[dict[str, object]]:
    known = None if features is None else frozenset(features)

    def name(item: object) -> str:
        if not isinstance(item, str) or known is None or item not in known:
            raise GrammarError("unregistered_feature", "importance")
        return item

    found = _records(value, {"feature": name, "gain_share": _rate}, MOST_FEATURES, "importance")
    if len({str(row["feature"]) for row in found}) != len(found):
        raise GrammarError("repeated_key", "importance")
    return found


def _records(value: object, fields: dict[str, Callable[[object], object]], most: int, where: str) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise GrammarError("wrong_type", where)
    if len(value) > most:
        raise GrammarError("wrong_length", where)
    return [_record(item, fields, where) for item in value]


def _record(value: object, fields: dict[str, Callable[[object], object]], where: str) -> dict[str, object]:
    item = _closed(value, tuple(fields), where)
    return {key: read(item[key]) for key, read in fields.items()}


def _closed(value: object, keys: Sequence[str], where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise GrammarError("wrong_type", where)
    if value.keys() - set(keys):
        raise GrammarError("unknown_key", where)
    if set(keys) - value.keys():
        raise GrammarError("missing_key", where)
    return value


def _one_of(value: object, allowed: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise GrammarError("wrong_type", "report")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GrammarError("wrong_type", "count")
    if not 0 <= value <= LARGEST_COUNT:
        raise GrammarError("index_out_of_range", "count")
    return value


def _rate(value: object) -> float:
    return _number(value, 0.0, 1.0)


def _rate_or_none(value: object) -> float | None:
    return None if value is None else _rate(value)


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GrammarError("wrong_type", "figure")
    if not low <= value <= high:
        raise GrammarError("index_out_of_range", "figure")
    return finite(float(value), "figure")
