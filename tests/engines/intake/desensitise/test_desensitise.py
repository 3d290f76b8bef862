"""What becomes of each field, and that no identifier survives."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.contracts import Availability, DatasetContract, Recipe
from catalog.errors import IntegrityBroken
from engines.intake.desensitise.apply import desensitise, refuse_raw_values
from engines.intake.desensitise.recipes import band, generalise, round_significant, top_code, truncate_date

RECEIVED = datetime.datetime(2024, 6, 3, 2, 30, tzinfo=datetime.UTC)
PART = 12  # characters of an identifier that may not be found anywhere


def stand_in(domain: str, identifiers: Sequence[str | None]) -> list[str | None]:
    """A keyless stand-in for the key agent: fit for tests of shape only."""
    return [None if text is None else hashlib.sha256(f"{domain}\0{text}".encode()).hexdigest()[:32] for text in identifiers]


def rows_of(identifiers: Sequence[str], registrations: Sequence[str], agents: Sequence[str | None]) -> pl.DataFrame:
    count = len(identifiers)
    return pl.DataFrame(
        {
            "uscc": identifiers,
            "reg_no": registrations,
            "agent_id": pl.Series(agents, dtype=pl.String),
            "declared_on": [datetime.date(2024, 5, 17)] * count,
            "sales": pl.Series([Decimal("12345.67")] * count, dtype=pl.Decimal(18, 2)),
            "tax": pl.Series([Decimal("1000.00")] * count, dtype=pl.Decimal(18, 2)),
            "staff": list(range(count)),
            "industry": ["0651"] * count,
            "status": ["late"] * count,
            "late": [True] * count,
        },
    )


@pytest.mark.parametrize(
    ("recipe", "before", "after"),
    [
        (lambda s: band(s, [0, 1000, 10000]), [None, -1.0, 0.0, 0.5, 1000.0, 1000.01, 10**9], [None, 0, 0, 1, 1, 2, 3]),
        (lambda s: round_significant(s, 2), [None, 0.0, 12345.67, -0.04567], [None, 0.0, 12000.0, -0.046]),
        (lambda s: top_code(s, 500), [None, 3.0, 500.0, 501.0], [None, 3.0, 500.0, 500.0]),
        (lambda s: generalise(s, 2), [None, "0651", "6"], [None, "06", "6"]),
        (
            lambda s: truncate_date(s, "month"),
            [None, datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 31, 17, tzinfo=datetime.UTC)],
            [None, datetime.date(2024, 2, 1), datetime.date(2024, 2, 1)],
        ),
        (lambda s: truncate_date(s, "year"), [datetime.date(2024, 2, 29)], [datetime.date(2024, 1, 1)]),
    ],
)
def test_a_recipe_says_less_and_keeps_null(recipe: Any, before: list[Any], after: list[Any]) -> None:
    alike: dict[type, list[int]] = {}
    for place, value in enumerate(before):
        alike.setdefault(type(value), []).append(place)
    nulls = alike.pop(type(None), [])
    for places in alike.values():
        chosen = [*nulls, *places]
        assert recipe(pl.Series([before[p] for p in chosen])).to_list() == [after[p] for p in chosen]


def test_a_table_is_published_by_its_contract(contract: DatasetContract, firm: Callable[[int], str]) -> None:
    raw = rows_of([firm(1).lower(), firm(1) + " ", firm(2)], ["033900000000001"] * 3, ["AGENT1", None, "agent1"])
    table = desensitise(raw, contract, stand_in, RECEIVED)
    assert table.columns == ["topic_id", "event_at", "available_at", *(f.name for f in contract.published)]
    assert sorted(table["topic_id"].unique()) == sorted(stand_in("uscc", [firm(1), firm(2)]))  # type: ignore[type-var]
    assert set(table["agent_id"].to_list()) == {None, *stand_in("agent", ["AGENT1"])}
    assert table.select("declared_on", "sales", "tax", "industry").row(0) == (datetime.date(2024, 5, 1), 12000.0, 1, "06")
    assert table["event_at"][0] == datetime.datetime(2024, 5, 16, 16, tzinfo=datetime.UTC)
    assert table["available_at"][0] == datetime.datetime(2024, 6, 5, 16, tzinfo=datetime.UTC)


def test_rows_known_on_receipt_are_available_from_then(contract: DatasetContract, firm: Callable[[int], str]) -> None:
    late = replace(contract, availability=Availability("received"))
    assert desensitise(rows_of([firm(1)], ["x"], [None]), late, stand_in, RECEIVED)["available_at"].to_list() == [RECEIVED]


def test_the_guard_refuses_what_slipped_through(contract: DatasetContract, firm: Callable[[int], str]) -> None:
    raw = rows_of([firm(1)], ["033900000000001"], ["AGENT1"])
    good = desensitise(raw, contract, stand_in, RECEIVED)
    for change, code in (
        (pl.lit("x").alias("reg_no"), "intake.raw_column_survives"),
        (pl.lit(firm(1)).alias("topic_id"), "intake.pseudonym_malformed"),
        (pl.lit(firm(1)).alias("status"), "intake.raw_value_survives"),
    ):
        with pytest.raises(IntegrityBroken) as caught:
            refuse_raw_values(good.with_columns(change), raw, contract)
        assert caught.value.code == code
        assert firm(1) not in str(caught.value)


def test_a_contract_that_keeps_an_identifier_publishes_nothing(contract: DatasetContract, firm: Callable[[int], str]) -> None:
    careless = replace(contract, fields=tuple(replace(f, recipe=Recipe("keep")) if f.name == "reg_no" else f for f in contract.fields))
    with pytest.raises(IntegrityBroken):
        desensitise(rows_of([firm(1)], ["033900000000001"], [None]), careless, stand_in, RECEIVED)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=20), agents=st.data())
def test_no_identifier_nor_twelve_characters_of_one_is_published(
    contract: DatasetContract, firm: Callable[[int], str], registration: Callable[[int], str], numbers: list[int], agents: st.DataObject
) -> None:
    people = agents.draw(st.lists(st.from_regex(r"[0-9A-Z]{12,20}", fullmatch=True), min_size=len(numbers), max_size=len(numbers)))
    raw = rows_of([firm(n) for n in numbers], [registration(n) for n in numbers], people)
    published = desensitise(raw, contract, stand_in, RECEIVED)
    told = published.cast(pl.String).write_csv()
    # A pseudonym is 32 characters of chance: among them 12 digits may stand by accident, so pseudonyms are looked at whole.
    rest = re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", "", told)
    for value in [*raw["uscc"], *raw["reg_no"], *people]:
        assert value not in told
        assert not any(value[at : at + PART] in rest for at in range(len(value) - PART + 1))
