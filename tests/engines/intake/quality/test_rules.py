"""What a quality rule counts, what it puts aside, and that the fast engine counts like the obvious one."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.contracts import DatasetContract
from engines.intake.quality.quarantine import part, to_bytes
from engines.intake.quality.reference import offending_rows
from engines.intake.quality.rules import broken_table_rules, check_quality

Firm = Callable[[int], str]
SCHEMA = {
    "uscc": pl.String(),
    "reg_no": pl.String(),
    "agent_id": pl.String(),
    "declared_on": pl.Date(),
    "sales": pl.Decimal(18, 2),
    "tax": pl.Decimal(18, 2),
    "staff": pl.Int64(),
    "industry": pl.String(),
    "status": pl.String(),
    "late": pl.Boolean(),
}
DAY = datetime.date(2024, 5, 1)


@pytest.fixture
def table(firm: Firm) -> Callable[..., pl.DataFrame]:
    """A row per argument, each a good row with the named changes."""

    def rows(*changes: dict[str, Any]) -> pl.DataFrame:
        good = {
            "reg_no": None,
            "agent_id": None,
            "declared_on": DAY,
            "sales": Decimal("10.00"),
            "tax": Decimal("1.00"),
            "staff": 3,
            "industry": "0651",
            "status": "late",
            "late": True,
        }
        return pl.DataFrame([{"uscc": firm(n), **good, **change} for n, change in enumerate(changes)], schema=SCHEMA)

    return rows


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("required:uscc", {"uscc": None}),
        ("subject:uscc", {"uscc": "913399000000000000"}),
        ("required:declared_on", {"declared_on": None}),
        ("sales_range", {"sales": Decimal("-0.01"), "tax": None}),
        ("industry_form", {"industry": "0651x"}),
        ("status_listed", {"status": "Late"}),
        ("not_too_old", {"declared_on": datetime.date(1999, 12, 31)}),
        ("staff_given", {"staff": None}),
        ("staff_given", {"staff": 0}),
        ("tax_within_sales", {"tax": Decimal("10.01")}),
    ],
)
def test_a_rule_counts_the_rows_that_offend_it(
    contract: DatasetContract, table: Callable[..., pl.DataFrame], rule: str, change: Any
) -> None:
    results = check_quality(table({}, change, {}), contract).results
    assert {result.name: result.offending for result in results if not result.holds} == {rule: 1}


def test_the_second_of_two_equal_keys_offends(contract: DatasetContract, table: Callable[..., pl.DataFrame], firm: Firm) -> None:
    quality = check_quality(table({}, {"uscc": firm(0)}, {"uscc": firm(0)}), contract)
    assert quality.fails["once_a_day"].to_list() == [False, True, True]


def test_null_passes_every_rule_but_not_null(contract: DatasetContract, table: Callable[..., pl.DataFrame]) -> None:
    nothing = dict.fromkeys(SCHEMA)
    broken = {result.name for result in check_quality(table(nothing, nothing), contract).results if not result.holds}
    assert broken == {"required:uscc", "required:declared_on", "staff_given"}


def test_a_rule_of_the_whole_table_refuses_the_batch(contract: DatasetContract, table: Callable[..., pl.DataFrame]) -> None:
    assert broken_table_rules(contract, check_quality(table({}).clear(), contract)) == ("some_rows",)
    assert broken_table_rules(contract, check_quality(table({}), contract)) == ()


def test_quarantine_says_why_and_warnings_quarantine_nothing(contract: DatasetContract, table: Callable[..., pl.DataFrame]) -> None:
    rows = table({}, {"status": "?", "industry": "x"}, {"staff": None}, {"sales": None}).with_columns(source_line=pl.Series([2, 3, 5, 6]))
    bad_cells = pl.DataFrame(
        {"row": [3], "field": ["sales"], "code": ["not_decimal"], "text": ["12万"]}, schema_overrides={"row": pl.UInt32}
    )
    parted = part(rows, check_quality(rows, contract).fails, bad_cells)
    assert parted.good.height == 2
    assert "source_line" not in parted.good.columns
    assert parted.bad["source_line"].to_list() == [3, 6]
    assert parted.bad["reasons"].to_list() == [["industry_form", "status_listed"], ["not_decimal:sales"]]
    assert parted.bad["unreadable_cells"].to_list() == [None, [{"field": "sales", "code": "not_decimal", "text": "12万"}]]
    assert parted.reasons == {"industry_form": 1, "not_decimal:sales": 1, "status_listed": 1}
    assert pl.read_ipc(to_bytes(parted.bad)).equals(parted.bad)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_fast_engine_agrees_with_the_obvious_one(contract: DatasetContract, firm: Firm, data: st.DataObject) -> None:
    amount = st.none() | st.decimals(-10, 10**14, places=2)
    row = st.fixed_dictionaries(
        {
            "uscc": st.sampled_from([None, "", firm(1), firm(2), firm(3), " " + firm(1).lower(), "9133990000000001XX"]),
            "reg_no": st.none(),
            "agent_id": st.none(),
            "declared_on": st.none() | st.dates(datetime.date(1999, 12, 30), datetime.date(2000, 1, 3)),
            "sales": amount,
            "tax": amount,
            "staff": st.none() | st.integers(-1, 2),
            "industry": st.none() | st.from_regex(r"[0-9]{3,5}\n?", fullmatch=True) | st.text(max_size=5),
            "status": st.none() | st.sampled_from(["on_time", "late", "LATE", "late "]),
            "late": st.none() | st.booleans(),
        }
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=15))
    quality = check_quality(pl.DataFrame(rows, schema=SCHEMA), contract)
    slow = offending_rows(rows, contract)
    assert {r.name: r.offending for r in quality.results if r.name in slow} == {name: len(found) for name, found in slow.items()}
    for name in quality.fails.columns:
        assert quality.fails[name].arg_true().to_list() == slow[name]
