"""Matching a cohort against the public firm register."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from catalog.contracts import SubjectRule
from catalog.errors import PolicyRefusal
from catalog.keys.files import FileKeyAgent, create_platform_keys
from engines.intake.matching import check_cohort_floor, match_cohort, match_rate

SUBJECT = SubjectRule("uscc", "uscc", "uscc")


@pytest.fixture
def agent(tmp_path: Path) -> FileKeyAgent:
    create_platform_keys(tmp_path / "keys")
    return FileKeyAgent.load(tmp_path / "keys")


def test_registered_firms_match_and_all_others_look_alike(agent: FileKeyAgent, firm: Callable[[int], str]) -> None:
    register = {name for name in agent.topic_ids("uscc", [firm(1), firm(2)]) if name}
    asked = [firm(1), f" {firm(2).lower()} ", firm(3), "913399000000000000", "", None]
    matched = match_cohort(asked, SUBJECT, agent, register)
    assert matched.flags == (True, True, False, False, False, False)
    assert matched.rate == Decimal("0.33")
    assert [name is None for name in matched.topic_ids] == [False, False, False, True, True, True]
    assert register.isdisjoint(repr(matched).split("'"))


@pytest.mark.parametrize(
    ("matched", "total", "rate"), [(0, 0, "0.00"), (1, 1000, "0.00"), (5, 1000, "0.01"), (994, 1000, "0.99"), (7, 7, "1.00")]
)
def test_a_match_rate_is_told_to_one_percent(matched: int, total: int, rate: str) -> None:
    assert match_rate(matched, total) == Decimal(rate)


def test_a_cohort_below_the_floor_is_refused() -> None:
    check_cohort_floor(1000, 1000)
    with pytest.raises(PolicyRefusal, match="999"):
        check_cohort_floor(999, 1000)
