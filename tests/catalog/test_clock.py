"""Days and months are Shanghai's, working days are the State Council's, instants are UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import clock

INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("day", "working", "why"),
    [
        ("2026-02-16", False, "Spring Festival, a Monday"),
        ("2026-02-14", True, "a Saturday worked in exchange"),
        ("2026-02-28", True, "a Saturday worked in exchange"),
        ("2026-10-01", False, "National Day"),
        ("2026-10-10", True, "a Saturday worked in exchange"),
        ("2026-11-21", False, "a plain Saturday"),
        ("2026-11-23", True, "a plain Monday"),
    ],
)
def test_which_days_are_worked(day, working, why):
    assert clock.is_business_day(date.fromisoformat(day)) is working, why


def test_a_year_without_a_published_calendar_counts_monday_to_friday():
    week = [date(2090, 1, 2) + timedelta(days=n) for n in range(7)]  # 2090-01-02 is a Monday
    assert [clock.is_business_day(day) for day in week] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-11-20", 1, "2026-11-23"),  # over a weekend
        ("2026-09-30", 1, "2026-10-08"),  # over National Day
        ("2026-10-09", 1, "2026-10-10"),  # into a Saturday that is worked
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-12-31", 2, "2027-01-04"),  # out of the published calendar
    ],
)
def test_counting_working_days(start, count, end):
    assert clock.add_business_days(date.fromisoformat(start), count) == date.fromisoformat(end)


def test_a_day_and_a_month_begin_at_midnight_in_shanghai():
    before, after = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC), datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    assert (clock.business_date(before), clock.business_date(after)) == (date(2026, 11, 30), date(2026, 12, 1))
    assert (clock.business_month(before), clock.business_month(after)) == ("2026-11", "2026-12")


@given(INSTANTS, INSTANTS)
def test_written_instants_read_back_and_sort_as_text(one, other):
    assert clock.from_iso(clock.to_iso(one)) == one
    assert (clock.to_iso(one) < clock.to_iso(other)) == (one < other)
    assert len(clock.to_iso(one)) == 27


def test_an_instant_is_written_in_utc_whatever_its_zone():
    shanghai = datetime(2026, 11, 24, 4, 45, 14, tzinfo=timezone(timedelta(hours=8)))
    assert clock.to_iso(shanghai) == "2026-11-23T20:45:14.000000Z"


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="zone"):
        clock.to_iso(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="zone"):
        clock.from_iso("2026-01-01T00:00:00")
    assert clock.now().tzinfo is UTC
