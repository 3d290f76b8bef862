"""Which identifiers are well formed, by the public standards' own examples; columns agree with single values."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import identifier_rules as rules

EXAMPLES = """
rule                 written               valid
uscc                 91350100M000100Y43    yes
uscc                 91350100m000100y43    yes
uscc                 91350100M000100Y44    no
uscc                 91330106MA2ABCDEX7    yes
uscc                 91350100I000100Y43    no
uscc                 9135A100M000100Y43    no
uscc                 ９1350100M000100Y43   yes
org_code             D2143569-X            yes
org_code             D2143569-1            no
resident_id          11010519491231002X    yes
resident_id          11010519491231002x    yes
resident_id          440524188001010014    yes
resident_id          110105194912310029    no
resident_id          11010519490231002X    no
resident_id          330106198002290029    yes
resident_id          330106850315123       yes
registration_number  330106000123458       yes
registration_number  330106000123454       no
registration_number  110108000000016       yes
luhn                 6200000000000005      yes
luhn                 6212345678901232      yes
luhn                 6212345678901231      no
mobile               +86-138-0013-8000     yes
mobile               12800138000           no
pattern:[0-9]{10}    1000014003            yes
pattern:[0-9]{10}    10000140030           no
"""


@pytest.mark.parametrize("line", EXAMPLES.strip().splitlines()[1:])
def test_is_this_identifier_well_formed(line: str) -> None:
    rule, written, valid = line.split()
    assert rules.is_valid(rule, rules.normalise(rule, written)) is (valid == "yes")


def test_an_old_resident_number_and_its_new_form_are_one_person() -> None:
    assert rules.normalise("resident_id", "330106850315123") == "330106198503151238"


def test_null_passes_every_rule() -> None:
    column = pl.Series([None, "x"], dtype=pl.String)
    assert [list(rules.valid_column(rule, column)) for rule in rules.RULES] == [[True, False]] * len(rules.RULES)


def test_an_empty_column_is_no_trouble() -> None:
    assert [len(rules.valid_column(rule, pl.Series([], dtype=pl.String))) for rule in [*rules.RULES, "pattern:a"]] == [0] * 7


def test_only_named_rules_and_compiling_patterns_are_rules() -> None:
    asked = ["uscc", "ussc", "pattern:[0-9]+", "pattern:", "pattern:(", "pattern:(?=a)"]
    assert [rules.is_rule(rule) for rule in asked] == [True, False, True, False, False, False]


written = st.lists(
    st.none()
    | st.text(st.sampled_from("0123456789ABXYabxy -+０９ＡＸ　é中\n"), max_size=22)
    | st.sampled_from([line.split()[1] for line in EXAMPLES.strip().splitlines()[1:]]),
    max_size=12,
)


@given(written, st.sampled_from([*rules.RULES, "pattern:[A-Z0-9]{2,}"]))
def test_a_column_is_treated_as_its_values_one_by_one(values: list[str | None], rule: str) -> None:
    column = rules.normalise_column(rule, pl.Series(values, dtype=pl.String))
    assert column.to_list() == [None if v is None else rules.normalise(rule, v) for v in values]
    assert list(rules.valid_column(rule, column)) == [v is None or rules.is_valid(rule, v) for v in column]


@given(st.text("0123456789", min_size=6, max_size=6), st.text(rules.USCC_SYMBOLS, min_size=9, max_size=9))
def test_a_check_character_makes_a_code_valid(division: str, body: str) -> None:
    first = "91" + division + body
    assert rules.is_valid("uscc", first + rules.uscc_check(first))
    digits = (division + "0123456789")[:14]
    assert rules.is_valid("registration_number", digits + rules.registration_number_check(digits))
