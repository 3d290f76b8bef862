"""The slow, obvious engine: one row and one rule at a time, in plain Python. Tests hold the fast one against it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from catalog import identifier_rules
from catalog.contracts import Comparison, DatasetContract, QualityRule
from engines.intake.quality.row_rules import all_rules, literal

Row = Mapping[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def offending_rows(rows: Sequence[Row], contract: DatasetContract) -> dict[str, list[int]]:
    """For each rule of rows, the positions (from 0) of the rows that offend it."""
    return {
        rule.name: [position for position in range(len(rows)) if _offends(rule, contract, rows, position)]
        for rule in all_rules(contract)
        if rule.metric != "rowCount"
    }


def _offends(rule: QualityRule, contract: DatasetContract, rows: Sequence[Row], position: int) -> bool:
    row = rows[position]
    if rule.comparison is not None:
        return _breaks(rule.comparison, contract, row)
    if rule.metric == "duplicateValues":
        keys = rule.fields or (rule.field,)
        values = [row[str(key)] for key in keys]
        return None not in values and any([earlier[str(key)] for key in keys] == values for earlier in rows[:position])
    value = row[str(rule.field)]
    if rule.metric == "nullValues":
        return value is None
    if rule.metric == "missingValues":
        return value is None or str(value) in rule.missing
    return value is not None and _invalid(rule, contract, value)


def _invalid(rule: QualityRule, contract: DatasetContract, value: Any) -> bool:
    field = contract.find(str(rule.field))
    assert field is not None
    return bool(
        (rule.valid and value not in [literal(v, field.type) for v in rule.valid])
        or (rule.pattern is not None and not re.fullmatch(rule.pattern, value))
        or (rule.minimum is not None and value < literal(rule.minimum, field.type))
        or (rule.maximum is not None and value > literal(rule.maximum, field.type))
        or (rule.check is not None and not identifier_rules.is_valid(rule.check, identifier_rules.normalise(rule.check, value)))
    )


def _breaks(comparison: Comparison, contract: DatasetContract, row: Row) -> bool:
    field = contract.find(comparison.left)
    assert field is not None
    left = row[comparison.left]
    right = row[comparison.right_field] if comparison.right_field else literal(comparison.right_value, field.type)
    return left is not None and right is not None and not _COMPARE[comparison.operator](left, right)
