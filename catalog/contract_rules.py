"""What makes a contract acceptable. Pure: each check yields its faults, all of them are reported together.

Source of the grades and classes: JR/T 0197-2020 (levels 1–5) and GB/T 37964-2019 (direct and quasi-identifiers).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import pairwise

from catalog.contracts import (
    CONSENT_CLASSES,
    DATA_CLASSES,
    IDENTIFIER_CLASSES,
    METHODS,
    NUMERIC,
    RESERVED,
    TEMPORAL,
    Comparison,
    DatasetContract,
    FieldContract,
    QualityRule,
    Recipe,
)
from catalog.faults import Fault
from catalog.identifier_rules import PATTERN, RULES, is_rule
from catalog.identifiers import is_name

HIGHEST_GRADE = 5  # important data: never granted
GRADE_NEEDING_A_METHOD = 4  # may not be published unchanged
MOST_BANDS = 64
METHODS_FOR_DIRECT = ("pseudonym", "drop")
TYPES_OF_METHOD: dict[str, frozenset[str]] = {
    "truncate_date": TEMPORAL,
    "band": NUMERIC,
    "round_significant": NUMERIC,
    "top_code": NUMERIC,
    "generalise": frozenset({"string"}),
    "pseudonym": frozenset({"string"}),
}
PARAMS_OF_METHOD: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # (required, allowed)
    "pseudonym": (frozenset(), frozenset({"domain"})),
    "drop": (frozenset(), frozenset()),
    "keep": (frozenset(), frozenset()),
    "truncate_date": (frozenset({"unit"}), frozenset({"unit"})),
    "band": (frozenset({"edges"}), frozenset({"edges"})),
    "round_significant": (frozenset({"digits"}), frozenset({"digits"})),
    "top_code": (frozenset({"value"}), frozenset({"value"})),
    "generalise": (frozenset({"digits"}), frozenset({"digits"})),
}


def contract_faults(contract: DatasetContract) -> list[Fault]:
    """Everything wrong with a contract, in the order of its file; empty when acceptable."""
    found = [*_dataset(contract), *_names(contract), *_subject(contract), *_instants(contract)]
    for field in contract.fields:
        found += _field(field)
    for rule in contract.rules:
        found += _rule(contract, rule)
    return found


def _dataset(contract: DatasetContract) -> Iterator[Fault]:
    if not is_name(contract.name):
        yield Fault("contracts.bad_name", "name", {"name": contract.name})
    if contract.data_class not in DATA_CLASSES:
        yield Fault("contracts.not_one_of", "dataClass", {"allowed": ", ".join(DATA_CLASSES)})
    if contract.consent_class not in CONSENT_CLASSES:
        yield Fault("contracts.not_one_of", "consentClass", {"allowed": ", ".join(CONSENT_CLASSES)})
    if contract.register and contract.consent_class != "public":
        # Matching a list against anything but a public register would tell the bank who is in the other tables.
        yield Fault("contracts.register_not_public", "register")
    if contract.retention_days < 1:
        yield Fault("contracts.retention", "slaProperties.retention")
    if not contract.keys:
        yield Fault("contracts.no_key", "properties")


def _names(contract: DatasetContract) -> Iterator[Fault]:
    for index, field in enumerate(contract.fields):
        before = contract.fields[:index]
        if not is_name(field.name):
            yield Fault("contracts.bad_name", f"properties.{field.name}", {"name": field.name})
        if field.name in RESERVED:
            yield Fault("contracts.reserved_name", f"properties.{field.name}", {"name": field.name})
        if any(field.name == other.name or field.source_name == other.source_name for other in before):
            yield Fault("contracts.twice", f"properties.{field.name}", {"name": field.name})
    for name in sorted({rule.name for rule in contract.rules if sum(r.name == rule.name for r in contract.rules) > 1}):
        yield Fault("contracts.twice", f"quality.{name}", {"name": name})


def _subject(contract: DatasetContract) -> Iterator[Fault]:
    subject, where = contract.subject, "subject"
    if not is_name(subject.domain):
        yield Fault("contracts.bad_name", f"{where}.domain", {"name": subject.domain})
    if not is_rule(subject.rule):
        yield Fault("contracts.unknown_check", f"{where}.rule", {"allowed": ", ".join([*RULES, PATTERN + "…"])})
    field = contract.find(subject.field)
    if field is None:
        yield Fault("contracts.unknown_field", f"{where}.field", {"field": subject.field})
    elif (field.recipe.method, field.identifier, field.type, field.required) != ("pseudonym", "direct", "string", True):
        yield Fault("contracts.subject_field", f"properties.{field.name}", {"field": field.name})


def _instants(contract: DatasetContract) -> Iterator[Fault]:
    available = contract.availability
    named = [("eventAt", contract.event_at)] + ([("availableAt", available.field or "")] if available.kind == "field" else [])
    for where, name in named:
        field = contract.find(name)
        if field is None:
            yield Fault("contracts.unknown_field", where, {"field": name})
        elif field.type not in TEMPORAL or not field.required:
            yield Fault("contracts.not_an_instant", where, {"field": name})
    if available.kind == "lag" and (available.lag_days is None or available.lag_days < 0):
        yield Fault("contracts.lag", "availableAt.lagDays")


def _field(field: FieldContract) -> Iterator[Fault]:
    where, method = f"properties.{field.name}", field.recipe.method
    if not 1 <= field.grade <= HIGHEST_GRADE:
        yield Fault("contracts.grade", f"{where}.classification", {"highest": HIGHEST_GRADE})
    if field.identifier not in IDENTIFIER_CLASSES:
        yield Fault("contracts.not_one_of", f"{where}.identifier", {"allowed": ", ".join(IDENTIFIER_CLASSES)})
    if field.identifier == "direct" and method not in METHODS_FOR_DIRECT:
        yield Fault("contracts.direct_identifier", f"{where}.recipe", {"field": field.name, "method": method})
    if field.grade >= GRADE_NEEDING_A_METHOD and method == "keep":
        yield Fault("contracts.grade_needs_method", f"{where}.recipe", {"field": field.name, "grade": field.grade})
    if field.grade >= HIGHEST_GRADE and method != "drop" and not field.never_granted:
        yield Fault("contracts.grade_never_granted", where, {"field": field.name, "grade": field.grade})
    if field.known_after_outcome is not None and not field.known_after_outcome.strip():
        yield Fault("contracts.reason_missing", f"{where}.knownAfterOutcome")
    if any("%" not in form for form in field.date_formats) or (field.date_formats and field.type not in TEMPORAL):
        yield Fault("contracts.date_formats", f"{where}.dateFormats")
    yield from _recipe(field, f"{where}.recipe")


def _recipe(field: FieldContract, where: str) -> Iterator[Fault]:
    recipe = field.recipe
    if recipe.method not in METHODS:
        yield Fault("contracts.not_one_of", f"{where}.method", {"allowed": ", ".join(METHODS)})
        return
    required, allowed = PARAMS_OF_METHOD[recipe.method]
    given = frozenset(recipe.params)
    if not required <= given <= allowed or not _params_make_sense(recipe):
        yield Fault("contracts.recipe_params", where, {"method": recipe.method, "allowed": ", ".join(sorted(allowed)) or "–"})
    fitting = TYPES_OF_METHOD.get(recipe.method)
    if fitting is not None and field.type not in fitting:
        yield Fault("contracts.recipe_type", where, {"method": recipe.method, "type": field.type})


def _params_make_sense(recipe: Recipe) -> bool:
    params = recipe.params
    if "domain" in params and not (isinstance(params["domain"], str) and is_name(params["domain"])):
        return False
    if "unit" in params and params["unit"] not in ("month", "year"):
        return False
    if "digits" in params and not (type(params["digits"]) is int and 1 <= params["digits"] <= 15):
        return False
    if "value" in params and not _is_number(params["value"]):
        return False
    return "edges" not in params or _ascends(params["edges"])


def _ascends(edges: object) -> bool:
    if not isinstance(edges, Sequence) or isinstance(edges, str) or not all(_is_number(edge) for edge in edges):
        return False
    return 1 <= len(edges) < MOST_BANDS and all(low < high for low, high in pairwise(edges))


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(float(str(value)))


def _rule(contract: DatasetContract, rule: QualityRule) -> Iterator[Fault]:
    where = f"quality.{rule.name}"
    if rule.unit == "percent" and not all(0 <= end <= 100 for end in (rule.threshold.low, rule.threshold.high or 0)):
        yield Fault("contracts.percentage", where)
    for name in rule.fields:
        if contract.find(name) is None:
            yield Fault("contracts.unknown_field", f"{where}.arguments.properties", {"field": name})
    if rule.metric in ("nullValues", "missingValues", "invalidValues") and rule.field is None:
        yield Fault("contracts.rule_needs_field", where, {"metric": rule.metric})
    if rule.metric == "duplicateValues" and not rule.fields:
        yield Fault("contracts.rule_needs_field", where, {"metric": rule.metric})
    if rule.metric == "rowCount" and (rule.field is not None or rule.unit == "percent"):
        yield Fault("contracts.row_count", where)
    if rule.metric == "invalidValues" and rule.field is not None:
        yield from _validity(contract.find(rule.field), rule, where)
    if rule.comparison is not None:
        yield from _comparison(contract, rule.comparison, f"{where}.compare")


def _validity(field: FieldContract | None, rule: QualityRule, where: str) -> Iterator[Fault]:
    bounds = [bound for bound in (rule.minimum, rule.maximum) if bound is not None]
    if not (rule.valid or rule.pattern or bounds or rule.check):
        yield Fault("contracts.rule_says_nothing", where)
    if rule.pattern is not None and not is_rule(PATTERN + rule.pattern):
        yield Fault("contracts.pattern", f"{where}.arguments.pattern")
    if rule.check is not None and rule.check not in RULES:
        yield Fault("contracts.unknown_check", f"{where}.arguments.check", {"allowed": ", ".join(RULES)})
    if field is None:
        return
    if (rule.pattern is not None or rule.check is not None) and field.type != "string":
        yield Fault("contracts.rule_type", where, {"field": field.name, "type": field.type})
    if not all(_fits(field, value) for value in [*rule.valid, *bounds]) or (bounds and field.type in ("string", "boolean")):
        yield Fault("contracts.rule_type", where, {"field": field.name, "type": field.type})


def _comparison(contract: DatasetContract, compare: Comparison, where: str) -> Iterator[Fault]:
    left = contract.find(compare.left)
    right = contract.find(compare.right_field) if compare.right_field is not None else None
    for name, field in ((compare.left, left), (compare.right_field, right)):
        if name is not None and field is None:
            yield Fault("contracts.unknown_field", where, {"field": name})
    if left is None or (compare.right_field is not None and right is None):
        return
    ordered = compare.operator not in ("==", "!=")
    if ordered and left.type in ("string", "boolean"):
        yield Fault("contracts.rule_type", where, {"field": left.name, "type": left.type})
    elif right is not None and _family(left) != _family(right):
        yield Fault("contracts.rule_type", where, {"field": right.name, "type": right.type})
    elif right is None and not _fits(left, compare.right_value):
        yield Fault("contracts.rule_type", where, {"field": left.name, "type": left.type})


def _family(field: FieldContract) -> str:
    """Types that compare with one another: all numbers, dates, timestamps, texts, booleans."""
    return "number" if field.type in NUMERIC else field.type


def _fits(field: FieldContract, value: object) -> bool:
    """Whether a literal written in the contract can be a value of the field."""
    if field.type in NUMERIC:
        return _is_number(value)
    if field.type == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    try:
        (date.fromisoformat if field.type == "date" else datetime.fromisoformat if field.type == "timestamp" else str)(value)
    except ValueError:
        return False
    return True
