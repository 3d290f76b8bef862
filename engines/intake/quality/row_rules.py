"""Every rule as a name and the rows it offends: the contract's own, and those a contract implies.

Null semantics, once: null passes every rule but ``nullValues``, ``missingValues`` and the implied ``required``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from catalog import identifier_rules
from catalog.clock import SHANGHAI
from catalog.contracts import Comparison, DatasetContract, FieldType, QualityRule, Threshold

NONE_MAY_OFFEND = Threshold("mustBe", 0)


def all_rules(contract: DatasetContract) -> tuple[QualityRule, ...]:
    """The implied rules, then the contract's. Implied: required fields are filled, the subject's identifier satisfies its check."""
    required = [field.name for field in contract.fields if field.required or field.name in _needed(contract)]
    implied = [
        QualityRule(f"required:{name}", "nullValues", NONE_MAY_OFFEND, "rows", "completeness", "error", field=name) for name in required
    ]
    subject = contract.subject
    check = QualityRule(
        f"subject:{subject.field}", "invalidValues", NONE_MAY_OFFEND, "rows", "accuracy", "error", field=subject.field, check=subject.rule
    )
    return (*implied, check, *contract.rules)


def _needed(contract: DatasetContract) -> set[str | None]:
    """Without these a row has no subject or no place in time."""
    return {contract.subject.field, contract.event_at, contract.availability.field}


def offends(rule: QualityRule, contract: DatasetContract) -> pl.Expr | None:
    """Boolean expression, never null, True where a row offends ``rule``. None for a rule of the whole table (``rowCount``)."""
    if rule.comparison is not None:
        return _breaks(rule.comparison, contract)
    if rule.metric == "rowCount":
        return None
    if rule.metric == "duplicateValues":
        keys = list(rule.fields or ((rule.field,) if rule.field else ()))
        repeated = ~pl.struct(keys).is_first_distinct()
        return repeated & pl.all_horizontal(pl.col(key).is_not_null() for key in keys)
    assert rule.field is not None, "a rule of values has a field"
    column = pl.col(rule.field)
    if rule.metric == "nullValues":
        return column.is_null()
    if rule.metric == "missingValues":
        return column.is_null() | column.cast(pl.String).is_in(list(rule.missing)).fill_null(False)
    return pl.any_horizontal(_invalid(rule, column, _type_of(contract, rule.field))).fill_null(False)


def _invalid(rule: QualityRule, column: pl.Expr, kind: FieldType) -> list[pl.Expr]:
    wrong: list[pl.Expr] = [pl.lit(False)]
    if rule.valid:
        wrong.append(~column.is_in([literal(value, kind) for value in rule.valid]))
    if rule.pattern is not None:
        wrong.append(~column.str.contains(rf"\A(?:{rule.pattern})\z"))
    if rule.minimum is not None:
        wrong.append(column < pl.lit(literal(rule.minimum, kind)))
    if rule.maximum is not None:
        wrong.append(column > pl.lit(literal(rule.maximum, kind)))
    if rule.check is not None:
        wrong.append(column.map_batches(_check(rule.check), return_dtype=pl.Boolean))
    return wrong


def _check(name: str) -> Callable[[pl.Series], pl.Series]:
    def fails(values: pl.Series) -> pl.Series:
        normal = identifier_rules.normalise_column(name, values)
        return pl.Series(values.name, ~identifier_rules.valid_column(name, normal))

    return fails


def _breaks(comparison: Comparison, contract: DatasetContract) -> pl.Expr:
    left = pl.col(comparison.left)
    if comparison.right_field is not None:
        right = pl.col(comparison.right_field)
    else:
        right = pl.lit(literal(comparison.right_value, _type_of(contract, comparison.left)))
    holds = {
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        "!=": left != right,
        ">=": left >= right,
        ">": left > right,
    }[comparison.operator]
    return (~holds).fill_null(False)


def literal(value: Any, kind: FieldType) -> Any:
    """A value written in a contract as a value of the column's type: dates as ISO text, amounts exactly."""
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if kind == "timestamp" and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    if kind == "decimal" and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _type_of(contract: DatasetContract, name: str) -> FieldType:
    field = contract.find(name)
    assert field is not None, "a contract's rules name its own fields"
    return field.type
