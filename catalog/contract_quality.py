"""The quality rules of an ODCS document: the standard's library metrics, and one cross-field comparison of our own.

A comparison is ODCS's ``type: custom`` with ``engine: glovebox`` and ``implementation: {compare: {left, operator, right}}``: a grammar too
small to hold code. SQL and other engines are refused; ``type: text`` is documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from catalog.contracts import MUSTS, OPERATORS, Comparison, Metric, Must, QualityRule, Severity, Threshold, Unit
from catalog.faults import Fault

ARGUMENTS: dict[str, frozenset[str]] = {
    "nullValues": frozenset(),
    "missingValues": frozenset({"missingValues"}),
    "invalidValues": frozenset({"validValues", "pattern", "minimum", "maximum", "check"}),
    "duplicateValues": frozenset({"properties"}),
    "rowCount": frozenset(),
}
UNITS = ("rows", "percent")
SEVERITIES = ("error", "warning")
NONE_OFFENDS = Threshold("mustBe", 0)


def read_rules(table: Mapping[str, Any], faults: list[Fault]) -> list[QualityRule]:
    """All rules of a table and its fields, in the order of the file; what cannot be read becomes a fault."""
    found = [_rule(written, field, where, faults) for written, field, where in _written(table)]
    return [rule for rule in found if rule is not None]


def _written(table: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None, str]]:
    for field in table.get("properties") or []:
        for index, written in enumerate(field.get("quality") or []):
            yield written, field["name"], f"properties.{field['name']}.quality[{index}]"
    for index, written in enumerate(table.get("quality") or []):
        yield written, None, f"quality[{index}]"


def _rule(written: Mapping[str, Any], field: str | None, where: str, faults: list[Fault]) -> QualityRule | None:
    kind = written.get("type", "library")
    if kind == "text":
        return None
    before = len(faults)
    unit, severity = written.get("unit", "rows"), written.get("severity")
    if "id" not in written or "dimension" not in written:
        faults.append(Fault("contracts.rule_form", where))
    if unit not in UNITS or severity not in SEVERITIES:
        faults.append(Fault("contracts.rule_unit", where, {"units": ", ".join(UNITS), "severities": ", ".join(SEVERITIES)}))
    if kind == "custom":
        body = _comparison(written, where, faults)
    elif kind == "library":
        body = _library(written, field, where, faults)
    else:
        faults.append(Fault("contracts.rule_kind", where, {"kind": kind}))
        body = {}
    if len(faults) > before:
        return None
    common = {"name": written["id"], "unit": cast(Unit, unit), "dimension": written["dimension"], "severity": cast(Severity, severity)}
    return QualityRule(**{"field": field, **common, **body})


def _library(written: Mapping[str, Any], field: str | None, where: str, faults: list[Fault]) -> dict[str, Any]:
    metric = cast(Metric, written.get("metric"))
    given = written.get("arguments", {})
    allowed = ARGUMENTS.get(metric, frozenset())
    if metric not in ARGUMENTS or not given.keys() <= allowed:
        faults.append(Fault("contracts.rule_arguments", where, {"metric": metric, "allowed": ", ".join(sorted(allowed)) or "–"}))
        return {}
    lists = [given.get(name, []) for name in ("validValues", "missingValues", "properties")]
    texts = [given.get(name, "") for name in ("pattern", "check")]
    bounds = [given.get(name, 0) for name in ("minimum", "maximum")]
    if not (
        all(isinstance(values, list) and all(_is_scalar(v) for v in values) for values in lists)
        and all(isinstance(text, str) for text in texts)
        and all(_is_scalar(bound) and not isinstance(bound, bool) for bound in bounds)
    ):
        faults.append(Fault("contracts.rule_arguments", where, {"metric": metric, "allowed": ", ".join(sorted(allowed)) or "–"}))
        return {}
    threshold = _threshold(written, where, faults)
    return {
        "metric": metric,
        "threshold": threshold,
        "valid": tuple(given.get("validValues", ())),
        "missing": tuple(str(value) for value in given.get("missingValues", ()) if value is not None),
        "fields": tuple(given.get("properties", [field] if field and metric == "duplicateValues" else ())),
        "pattern": given.get("pattern"),
        "minimum": given.get("minimum"),
        "maximum": given.get("maximum"),
        "check": given.get("check"),
    }


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) or value is None


def _threshold(written: Mapping[str, Any], where: str, faults: list[Fault]) -> Threshold:
    must = next(name for name in MUSTS if name in written)  # the standard's schema demands exactly one
    bound = written[must]
    ends = bound if isinstance(bound, list) else [bound]
    if not all(type(end) in (int, float) for end in ends) or len(ends) != (2 if must.endswith("Between") else 1):
        faults.append(Fault("contracts.rule_threshold", f"{where}.{must}", {"must": must}))
        return NONE_OFFENDS
    return Threshold(cast(Must, must), ends[0], ends[1] if len(ends) == 2 else None)


def _comparison(written: Mapping[str, Any], where: str, faults: list[Fault]) -> dict[str, Any]:
    body = written.get("implementation")
    compare = body.get("compare") if isinstance(body, dict) and set(body) == {"compare"} else None
    match compare:
        case {"left": str(left), "operator": str(operator), "right": right, **more} if not more:
            known = written["engine"] == "glovebox" and operator in OPERATORS
        case _:
            known, left, operator, right = False, "", "", None
    if isinstance(right, str):
        comparison = Comparison(left, cast(Any, operator), right_field=right)
    elif isinstance(right, dict) and set(right) == {"value"} and isinstance(right["value"], str | int | float):
        comparison = Comparison(left, cast(Any, operator), right_value=right["value"])
    else:
        known, comparison = False, None
    if not known or comparison is None or written.get("unit", "rows") != "rows":
        faults.append(Fault("contracts.compare_form", where, {"operators": " ".join(OPERATORS)}))
        return {}
    return {"metric": None, "threshold": NONE_OFFENDS, "comparison": comparison}
