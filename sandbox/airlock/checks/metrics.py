"""What a released report may show: rounded counts, few digits, a short curve, and enough of each class behind every figure.

A report that the platform did not write itself is a claim: its counts are held against the rows, and what no row can confirm stays in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypedDict

from sandbox.airlock.checks.finding import Finding, block, passed

if TYPE_CHECKING:
    from sandbox.airlock.policies import Policy


class MetricsEvidence(TypedDict):
    """How many entries of the report break each rule, and how long its lists are."""

    over_precise: int
    unrounded: int
    small_counts: int
    unsupported_totals: int
    inconsistent: int
    thin_steps: int
    curve_points: int
    gains_rows: int
    importance_over_precise: int


class Truth(TypedDict):
    """What the rows say of themselves: counts of both partitions, rounded as a report rounds them; the smaller class of each, exactly."""

    train_rows: int
    test_rows: int
    train_class: int
    test_class: int


class ClaimsEvidence(TypedDict):
    """How many counts of a report the rows contradict, and how many of its entries and figures nobody can hold against them."""

    wrong_rows: int
    curve_entries: int
    boundless: int


#: PSI over ten bands of at least ten rows stays below this at any size of a cohort; a larger one carries digits, not stability.
LARGEST_CLAIMED_PSI = 10.0


def measure(report: Mapping[str, Any], limits: Mapping[str, int], truth: Truth | None = None) -> MetricsEvidence:
    """``report`` as parsed; ``limits`` as ``limits_of`` gives them; ``truth``: for a report whose own counts support nothing."""
    totals = [report["auc"]["train"], report["auc"]["test"], report["ks"], report["gini"], report["psi"]]
    rates = [rate for point in report["roc"] for rate in point.values()] + [row["bad_rate"] for row in report["gains"]]
    counts = [row[kind] for row in report["gains"] for kind in ("goods", "bads")]
    smallest, rounding = limits["smallest_cell"], limits["count_rounding"]
    rows = list(report["rows"].values())
    return MetricsEvidence(
        over_precise=sum(_decimals_beyond(value, limits["metric_decimals"]) for value in totals + rates if value is not None),
        unrounded=sum(count % rounding != 0 for count in counts + rows),
        small_counts=sum(count < smallest for count in counts) + sum(0 < count < smallest for count in rows),
        unsupported_totals=_unsupported(report, smallest) if truth is None else _unsupported_by(truth, report, smallest),
        inconsistent=sum(_inconsistent(row) for row in report["gains"]) + _not_a_curve(report["roc"]),
        thin_steps=_thin_steps(report, smallest),
        curve_points=len(report["roc"]),
        gains_rows=len(report["gains"]),
        importance_over_precise=sum(_figures_beyond(row["gain_share"], limits["importance_figures"]) for row in report["importance"]),
    )


def judge(found: MetricsEvidence, policy: Policy) -> list[Finding]:
    """All are blocks: a report is re-made in a second, and an approval cannot override them."""
    longest = max(found["curve_points"], found["gains_rows"])
    return [
        _none("metric_precision", found["over_precise"] + found["importance_over_precise"], policy.metric_decimals),
        _none("count_rounding", found["unrounded"], policy.count_rounding),
        _none("class_minimum", found["small_counts"] + found["unsupported_totals"], policy.smallest_cell),
        _none("curve_steps", found["thin_steps"], policy.smallest_cell),
        _none("metric_consistency", found["inconsistent"], 0),
        (block if longest > policy.most_curve_points else passed)("curve_length", longest, policy.most_curve_points, "measured"),
    ]


def measure_claims(report: Mapping[str, Any], truth: Truth) -> ClaimsEvidence:
    """``report`` as parsed, of a job whose code the platform did not write."""
    rows = report["rows"]
    return ClaimsEvidence(
        wrong_rows=(rows["train"] != truth["train_rows"]) + (rows["test"] != truth["test_rows"]),
        curve_entries=sum(len(report[name]) for name in ("roc", "gains", "importance")),
        boundless=int(report["psi"] is not None and report["psi"] > LARGEST_CLAIMED_PSI),
    )


def judge_claims(found: ClaimsEvidence) -> list[Finding]:
    """Hard blocks: a list in a report can hold rows in place of counts, and only the platform's trainer can show that it does not."""
    return [
        _none("metrics_rows", found["wrong_rows"], 0),
        _none("metrics_unverified", found["curve_entries"] + found["boundless"], 0),
    ]


def limits_of(policy: Policy) -> dict[str, int]:
    """What ``measure`` needs of the policy, for the jail's request."""
    names = ("count_rounding", "metric_decimals", "importance_figures", "smallest_cell", "smallest_leaf", "smallest_class_in_bin")
    return {name: getattr(policy, name) for name in names}


def _none(check: str, broken: int, limit: int) -> Finding:
    return (block if broken else passed)(check, broken, limit, "ACRO; UK LLC; measured")


def _decimals_beyond(value: float, decimals: int) -> bool:
    return round(value, decimals) != value


def _figures_beyond(value: float, figures: int) -> bool:
    return float(f"{value:.{figures}g}") != value


def _unsupported(report: Mapping[str, Any], smallest: int) -> int:
    """Totals shown without enough goods and bads in the gains table (test), or without enough rows (train)."""
    goods, bads = _class_totals(report)
    shown = [report["auc"]["test"], report["ks"], report["gini"], report["psi"]]
    on_test = sum(value is not None for value in shown) if min(goods, bads) < smallest else 0
    on_train = int(report["auc"]["train"] is not None and report["rows"]["train"] < 2 * smallest)
    curve = int(bool(report["roc"]) and min(goods, bads) < smallest)
    return on_test + on_train + curve


def _unsupported_by(truth: Truth, report: Mapping[str, Any], smallest: int) -> int:
    """Totals shown though a class of the rows they are about is smaller than ``smallest``. PSI is about both partitions."""
    judged = truth["test_class"] if report["evaluated_on"] == "test" else truth["train_class"]
    behind = [
        (report["auc"]["train"], truth["train_class"]),
        (report["auc"]["test"], judged),
        (report["ks"], judged),
        (report["gini"], judged),
        (report["psi"], min(truth["train_class"], truth["test_class"])),
    ]
    return sum(value is not None and count < smallest for value, count in behind)


def _class_totals(report: Mapping[str, Any]) -> tuple[int, int]:
    return sum(row["goods"] for row in report["gains"]), sum(row["bads"] for row in report["gains"])


def _inconsistent(row: Mapping[str, Any]) -> bool:
    """A bad rate that its own two counts do not give says more than they do."""
    rows = row["goods"] + row["bads"]
    return bool(rows == 0 or abs(row["bad_rate"] - row["bads"] / rows) > 0.0005 + 1e-9)


def _not_a_curve(points: list[Mapping[str, float]]) -> int:
    if not points:
        return 0
    ends = (points[0]["fpr"], points[0]["tpr"], points[-1]["fpr"], points[-1]["tpr"]) != (0, 0, 1, 1)
    return int(ends or any(a["fpr"] > b["fpr"] or a["tpr"] > b["tpr"] for a, b in pairwise(points)))


def _thin_steps(report: Mapping[str, Any], smallest: int) -> int:
    """Steps that hold fewer than ``smallest`` goods or bads even when every rounding is read in their favour."""
    goods, bads = _class_totals(report)
    return sum(
        any(step * total + 0.001 * total + 2.5 < smallest for step, total in ((fpr, goods), (tpr, bads)))
        for fpr, tpr in _steps(report["roc"])
    )


def _steps(points: list[Mapping[str, float]]) -> Iterable[tuple[float, float]]:
    return ((after["fpr"] - before["fpr"], after["tpr"] - before["tpr"]) for before, after in pairwise(points))
