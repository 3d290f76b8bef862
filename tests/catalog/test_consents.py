"""Consent: whose data may be used, by which institution, for what, from when to when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.actors import PLATFORM
from catalog.consent import Consent, consented_subjects
from catalog.ledger.record import Entry
from catalog.store import consents, ledger

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = Entry.by(PLATFORM, "consent.add", "consents")


def day(n):
    return DAY0 + timedelta(days=n)


#   who purpose   from to  withdrawn
TABLE = """
    s1  sme_credit  0  10  -
    s2  *           0  10  -
    s3  mortgage    0  10  -
    s4  sme_credit  5  10  -
    s5  sme_credit  0  10  4
"""


def read(table):
    for line in table.split("\n"):
        if cells := line.split():
            who, purpose, begin, end, withdrawn = cells
            yield Consent(who, "bank_a", purpose, day(int(begin)), day(int(end)), None if withdrawn == "-" else day(int(withdrawn)))


@pytest.mark.parametrize(
    ("at", "subjects"),
    [(-1, ""), (0, "s1 s2 s5"), (3, "s1 s2 s5"), (4, "s1 s2"), (5, "s1 s2 s4"), (9, "s1 s2 s4"), (10, "")],
)
def test_who_may_be_used_on_which_day(at, subjects):
    assert consented_subjects(read(TABLE), "bank_a", "sme_credit", day(at)) == set(subjects.split())


def test_consent_to_one_bank_is_none_to_another():
    assert consented_subjects(read(TABLE), "bank_b", "sme_credit", day(3)) == frozenset()


WORDS = st.sampled_from(["sme_credit", "mortgage", "*"])
MADE = st.builds(
    lambda who, purpose, begin, length: Consent(who, "bank_a", purpose, day(begin), day(begin + length)),
    st.sampled_from(["s1", "s2", "s3"]),
    WORDS,
    st.integers(0, 6),
    st.integers(0, 6),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(given_consents=st.lists(MADE, max_size=6), withdrawals=st.lists(st.tuples(st.sampled_from(["s1", "s2"]), WORDS), max_size=3))
def test_the_database_decides_as_the_rule_does_and_withdrawing_ends_it(database, people, given_consents, withdrawals):
    with database.transaction() as tx:
        consents.add_consents(tx, "uscc", given_consents, record=ENTRY)
        for who, purpose in withdrawals:
            consents.withdraw(tx, [who], "bank_a", purpose, day(4), record=ENTRY)
            assert who not in consents.consented(tx, "bank_a", purpose, day(4))
        stored = consents.consents_of(tx, "bank_a")
        for at in (0, 3, 4, 5, 9):
            for purpose in ("sme_credit", "mortgage"):
                expected = consented_subjects(stored, "bank_a", purpose, day(at))
                assert consents.consented(tx, "bank_a", purpose, day(at)) == expected


def test_withdrawing_one_purpose_also_ends_a_consent_to_any_purpose_and_leaves_others(database, people):
    with database.transaction() as tx:
        consents.add_consents(tx, "uscc", read(TABLE), record=ENTRY)
        ended = consents.withdraw(tx, ["s1", "s2", "s3"], "bank_a", "sme_credit", day(2), record=ENTRY)
        assert ended == 2
        assert consents.consented(tx, "bank_a", "sme_credit", day(3)) == {"s5"}
        assert consents.consented(tx, "bank_a", "mortgage", day(3)) == {"s3"}


def test_withdrawing_again_changes_nothing(database, people):
    with database.transaction() as tx:
        consents.add_consents(tx, "uscc", read(TABLE), record=ENTRY)
        assert consents.withdraw(tx, ["s1"], "bank_a", "sme_credit", day(2), record=ENTRY) == 1
        assert consents.withdraw(tx, ["s1"], "bank_a", "sme_credit", day(3), record=ENTRY) == 0
        assert next(c for c in consents.consents_of(tx, "bank_a") if c.topic_id == "s1").withdrawn_at == day(2)


def test_no_pseudonym_reaches_the_ledger_by_itself(database, people):
    with database.transaction() as tx:
        consents.add_consents(tx, "uscc", read(TABLE), record=ENTRY)
        consents.withdraw(tx, ["s1"], "bank_a", "sme_credit", day(2), record=ENTRY)
        assert all(b"s1" not in r.canonical and b"s1" not in (r.payload or b"") for r in ledger.stored_records(tx))
