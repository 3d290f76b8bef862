"""Matching a cohort against the public firm register."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts import SubjectRule
from catalog.errors import PolicyRefusal
from catalog.keys.files import FileKeyAgent, create_platform_keys
from engines.intake.matching import (
    DRAW_RANGE,
    RATE_STEP,
    check_cohort_floor,
    distinct_subjects,
    match_cohort,
    match_rate,
    rounding_draw,
)

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


@st.composite
def _shares(draw: st.DrawFn) -> tuple[int, int]:
    total = draw(st.integers(1, 2_000_000))
    return draw(st.integers(0, total)), total


@given(_shares(), st.integers(0, DRAW_RANGE - 1))
def test_is_a_randomly_rounded_rate_always_within_one_percent_of_the_share(share: tuple[int, int], draw: int) -> None:
    matched, total = share
    rate = match_rate(matched, total, draw)
    assert abs(Fraction(rate) - Fraction(matched, total)) < Fraction(1, 100)
    assert rate % RATE_STEP == 0
    assert 0 <= rate <= 1


@pytest.mark.parametrize(
    ("draw", "rate"), [(0, "0.99"), (DRAW_RANGE // 2 - 1, "0.99"), (DRAW_RANGE // 2, "1.00"), (DRAW_RANGE - 1, "1.00")]
)
def test_where_does_rounding_happen_for_995_of_1000(draw: int, rate: str) -> None:
    assert match_rate(995, 1000, draw) == Decimal(rate)


def test_does_asking_again_with_the_same_cohort_teach_anything() -> None:
    key, firms = b"k" * 32, [f"firm {number}" for number in range(50)]
    draw = rounding_draw(key, firms)
    assert draw == rounding_draw(key, [*reversed(firms), firms[0]])
    others = [rounding_draw(key, [*firms, "one more"]), rounding_draw(key, firms[1:]), rounding_draw(b"j" * 32, firms)]
    assert len({draw, *others}) == 4


def test_can_a_cohort_at_the_edge_tell_of_one_firm() -> None:
    """Half up, 4 of 1000 tells 0.00 and 5 tells 0.01, surely. Drawn, either rate comes with either count."""
    told = {
        count: {match_rate(count, 1000, rounding_draw(b"k" * 32, [f"{trial} {each}" for each in range(20)])) for trial in range(60)}
        for count in (4, 5)
    }
    assert told[4] == told[5] == {Decimal("0.00"), Decimal("0.01")}


def test_is_the_rate_one_of_firms_or_of_rows(agent: FileKeyAgent, firm: Callable[[int], str]) -> None:
    register = {name for name in agent.topic_ids("uscc", [firm(1)]) if name}
    matched = match_cohort([*[firm(1)] * 97, firm(2), firm(3), f" {firm(4).lower()} ", firm(4)], SUBJECT, agent, register)
    assert sum(matched.flags) == 97
    assert matched.rate == Decimal("0.25")


def test_does_one_firm_under_a_thousand_row_ids_pass_the_floor(firm: Callable[[int], str]) -> None:
    with pytest.raises(PolicyRefusal) as refused:
        check_cohort_floor(distinct_subjects([firm(1)] * 1000), 1000)
    assert refused.value.params == {"subjects": 1, "floor": 1000}


def test_a_cohort_below_the_floor_is_refused() -> None:
    check_cohort_floor(1000, 1000)
    with pytest.raises(PolicyRefusal, match="999"):
        check_cohort_floor(999, 1000)
