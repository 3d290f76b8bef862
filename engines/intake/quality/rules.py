"""All rules of a table in one lazy pass: one column of fail bits per rule, counts from the bits."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from catalog.contracts import DatasetContract, QualityRule, Severity
from engines.intake.quality.row_rules import all_rules, offends

PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule fared: ``offending`` rows (for ``rowCount``: all rows), ``percent`` of the table, and whether that is allowed."""

    name: str
    dimension: str
    severity: Severity
    offending: int
    percent: float
    holds: bool

    def to_json(self) -> dict[str, str | int | float | bool]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Quality:
    """``results`` by rule; ``fails``: one Boolean column per rule that quarantines, one row per row of the table."""

    results: tuple[RuleResult, ...]
    fails: pl.DataFrame


def check_quality(rows: pl.DataFrame, contract: DatasetContract) -> Quality:
    """Evaluate every rule on typed ``rows`` (the contract's fields) in one pass. Pure; refuses nothing itself."""
    rules = all_rules(contract)
    bits = {rule.name: offending for rule in rules if (offending := offends(rule, contract)) is not None}
    fails = rows.lazy().select(**bits).collect()
    counts = {name: int(fails[name].sum()) for name in fails.columns}
    results = tuple(_result(rule, counts.get(rule.name, rows.height), rows.height) for rule in rules)
    return Quality(results, fails.select(rule.name for rule in rules if rule.severity == "error" and rule.name in bits))


def _result(rule: QualityRule, offending: int, total: int) -> RuleResult:
    percent = PERCENT * offending / total if total else 0.0
    holds = rule.threshold.holds(percent if rule.unit == "percent" else offending)
    return RuleResult(rule.name, rule.dimension, rule.severity, offending, round(percent, 6), holds)


def broken_table_rules(contract: DatasetContract, quality: Quality) -> tuple[str, ...]:
    """Names of failed error rules that no single row answers for: they refuse the batch."""
    counted = {rule.name for rule in contract.rules if rule.metric == "rowCount"}
    return tuple(r.name for r in quality.results if r.name in counted and r.severity == "error" and not r.holds)
