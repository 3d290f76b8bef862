"""What the two jails may say to the parent: JSON of a closed schema. Anything else is discarded and counts as a block."""

from __future__ import annotations

from typing import Any

import jsonschema

from catalog import canonical_json
from sandbox.airlock.checks.grammar import TYPES

#: Evidence is a few hundred bytes; more is not evidence.
LARGEST = 1 << 16

_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_HASH_OR_NULL = {"anyOf": [_HASH, {"type": "null"}]}
# Words of the checks' own code; the pattern leaves no room for a payload.
_WORD = {"type": "string", "pattern": "^[a-z][a-z_]{1,39}$"}
_WORD_OR_NULL = {"anyOf": [_WORD, {"type": "null"}]}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**12}
_RATE = {"type": "number", "minimum": 0, "maximum": 1}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _counts(*names: str) -> dict[str, Any]:
    return _closed(dict.fromkeys(names, _COUNT))


_ERRORS = {"type": "array", "maxItems": 8, "items": _closed({"check": _WORD, "code": _WORD})}
_STRUCTURE_COUNTS = (
    "parts", "cells", "splits", "deepest", "parameters", "rows", "smallest_cell", "small_cells", "empty_cells", "pure_cells",
    "thin_cells", "off_grid",
)  # fmt: skip

PARSED_SCHEMA = _closed(
    {
        "v": {"const": 1},
        "type": {"enum": list(TYPES)},
        "input_sha256": _HASH,
        "grammar": _closed({"code": _WORD_OR_NULL, "where": _WORD_OR_NULL}),
        "canonical_sha256": _HASH_OR_NULL,
        "re_emission": _or_null(_counts("probes", "differing")),
        "metrics": _or_null(
            _counts(
                "over_precise", "unrounded", "small_counts", "unsupported_totals", "inconsistent", "thin_steps", "curve_points",
                "gains_rows", "importance_over_precise",
            )
        ),
        "claims": _or_null(_counts("wrong_rows", "curve_entries", "boundless")),
        "resolution": _or_null(_counts("rows", "bands", "highest_band", "smallest_band")),
        "errors": _ERRORS,
    }
)  # fmt: skip

MEASURED_SCHEMA = _closed(
    {
        "v": {"const": 1},
        "type": {"enum": ["model.trees", "model.scorecard"]},
        "canonical_sha256": _HASH,
        "rows": _counts("train", "test", "subjects"),
        "structure": _or_null(_closed({"kind": {"enum": ["trees", "scorecard"]}, **dict.fromkeys(_STRUCTURE_COUNTS, _COUNT)})),
        "membership": _or_null(
            _closed(
                {
                    **dict.fromkeys(("loss_auc", "quantile_auc", "goods_auc", "bads_auc", "low_fpr_rate", "drift_auc"), _RATE),
                    **dict.fromkeys(("members", "others"), _COUNT),
                }
            )
        ),
        "evaluator": _or_null(_counts("rows", "differing")),
        "errors": _ERRORS,
    }
)


class BadEvidence(ValueError):
    """The jail's output is not evidence. Carries no byte of it."""


def read_parsed(data: bytes | None) -> dict[str, Any]:
    """Jail A's findings.json. Raises BadEvidence."""
    return _read(data, PARSED_SCHEMA)


def read_measured(data: bytes | None) -> dict[str, Any]:
    """Jail B's evidence.json. Raises BadEvidence."""
    return _read(data, MEASURED_SCHEMA)


def _read(data: bytes | None, schema: dict[str, Any]) -> dict[str, Any]:
    if data is None or len(data) > LARGEST:
        raise BadEvidence("missing or too large")
    try:
        value = canonical_json.loads(data)
        jsonschema.Draft202012Validator(schema).validate(value)
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise BadEvidence("not in the schema") from None
    if not isinstance(value, dict):
        raise BadEvidence("not an object")
    return value
