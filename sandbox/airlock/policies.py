"""WHEN something may happen: the airlock's named numbers, each with unit, source and weakest permitted value.

The rules that use them on votes, reports and dates are in ``rules.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

import yaml

from catalog import canonical_json
from catalog.errors import BadInput

CodeApproval = Literal["none", "first", "every"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one project. The defaults are the platform's; a ``policy.yaml`` may change them down to the weakest value below."""

    smallest_leaf: int = 10
    """Distinct subjects routed to every leaf or bin, at least. Source: ACRO threshold 10; ONS."""
    smallest_class_in_bin: int = 10
    """Goods, and bads, in every weight-of-evidence bin and report bin, at least. Source: ACRO threshold 10."""
    residual_freedom: int = 10
    """Rows − parameters, at least: a block for linear models, a review for boosting. Source: ACRO residual degrees of freedom."""
    largest_depth: int = 6
    """Splits on a path before a reviewer is asked. Source: measured on 20k × 50 synthetic rows."""
    declared_leaf_review: int = 50
    """Declared minimum rows per leaf before a reviewer is asked. Source: measured, membership rises below."""
    declared_leaf_block: int = 5
    """Declared minimum rows per leaf, never less. Source: SACRO-ML unsafe hyperparameters."""
    membership_overall: float = 0.55
    """AUC of the loss attack over all rows, at most. Source: measured; SACRO-ML warns at 0.65."""
    membership_quantile: float = 0.60
    """AUC of the quantile attack over all rows, at most. Source: measured; it tells more than the loss attack (honest ≤ 0.56 on 4,000
    rows with 15 % bads, LightGBM defaults 0.59–0.64, one-row leaves 0.71–0.77)."""
    membership_class: float = 0.62
    """AUC of the loss attack within goods or bads before a reviewer is asked. Source: measured."""
    low_fpr_rate: float = 0.02
    """Members found at 1 % false positives before a reviewer is asked (chance is 0.01). Source: Carlini et al. 2022; measured."""
    most_bands: int = 20
    """Score bands of one model version, at most. Source: measured, 20 bands bring hidden channels to honest levels."""
    smallest_band: int = 10
    """Rows in every released band, at least. Source: ACRO threshold 10."""
    smallest_cell: int = 10
    """Rows in every released count or cell, at least. Source: ACRO threshold 10; ONS; UK LLC."""
    count_rounding: int = 5
    """Released counts are multiples of this. Source: UK LLC."""
    metric_decimals: int = 3
    """Decimals of released totals (AUC, KS, Gini, PSI), at most. Source: measured."""
    most_curve_points: int = 20
    """Points of a released ROC or gains curve, at most. Source: measured, a full curve gives back every score and label."""
    importance_figures: int = 2
    """Significant figures of a released importance, at most. Source: measured."""
    different_organisations_from_grade: int = 3
    """Data grade (1–5, JR/T 0197-2020) from which the two reviewers come from different organisations. Source: house rule."""
    approval_days: int = 7
    """Days an approval stays usable before signing. Source: house rule."""
    unreleased_days: int = 30
    """Days an undelivered artefact stays in the vault. Source: house rule."""
    code_approval: CodeApproval = "first"
    """Approval of code before it runs: never, at the first run of a hash, or at every run. Source: house rule."""


DEFAULT = Policy()

# The weakest value a project's policy may name: "min" may only be raised above it, "max" only lowered below it.
_WEAKEST: Mapping[str, tuple[Literal["min", "max"], float]] = {
    "smallest_leaf": ("min", 10),
    "smallest_class_in_bin": ("min", 5),
    "residual_freedom": ("min", 10),
    "largest_depth": ("max", 10),
    "declared_leaf_review": ("min", 20),
    "declared_leaf_block": ("min", 5),
    "membership_overall": ("max", 0.60),
    "membership_quantile": ("max", 0.65),
    "membership_class": ("max", 0.70),
    "low_fpr_rate": ("max", 0.05),
    "most_bands": ("max", 20),
    "smallest_band": ("min", 10),
    "smallest_cell": ("min", 10),
    "count_rounding": ("min", 5),
    "metric_decimals": ("max", 3),
    "most_curve_points": ("max", 20),
    "importance_figures": ("max", 2),
    "different_organisations_from_grade": ("max", 3),
    "approval_days": ("max", 7),
    "unreleased_days": ("max", 30),
}
_CODE_APPROVALS = ("none", "first", "every")


def load(source: str | Mapping[str, object]) -> Policy:
    """The policy a ``policy.yaml`` describes: YAML text or its mapping ``{name: value}``; names left out keep their default.

    Raises BadInput for an unknown name, a value of the wrong type, or one weaker than the platform permits.
    """
    mapping = _mapping(source)
    known = {each.name for each in fields(Policy)}
    values: dict[str, object] = {}
    for name, value in mapping.items():
        if name not in known:
            raise BadInput("policy.unknown_name", name=str(name)[:64], known=", ".join(sorted(known)))
        values[name] = _checked(name, value)
    return Policy(**values)  # type: ignore[arg-type]


def policy_hash(policy: Policy) -> str:
    """SHA-256 of the canonical JSON of all numbers: votes and packages are bound to it."""
    return canonical_json.sha256_hex(asdict(policy))


def _mapping(source: str | Mapping[str, object]) -> Mapping[str, object]:
    if isinstance(source, Mapping):
        return source
    try:
        loaded = yaml.safe_load(source)
    except yaml.YAMLError:
        raise BadInput("policy.not_a_mapping") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise BadInput("policy.not_a_mapping")
    return loaded


def _checked(name: str, value: object) -> object:
    if name == "code_approval":
        if value not in _CODE_APPROVALS:
            raise BadInput("policy.bad_value", name=name, expected=" | ".join(_CODE_APPROVALS))
        return value
    default = getattr(DEFAULT, name)
    wanted = int if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise BadInput("policy.bad_value", name=name, expected=type(default).__name__)
    direction, weakest = _WEAKEST[name]
    # Written so that NaN is refused too.
    if not (value >= weakest if direction == "min" else 0 <= value <= weakest):
        raise BadInput("policy.too_weak", name=name, direction=direction, weakest=weakest)
    return type(default)(value)
