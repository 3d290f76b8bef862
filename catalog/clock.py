"""Time as Glovebox keeps it: instants are aware UTC; business days, months and deadlines are Asia/Shanghai with 调休."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY = 5  # as datetime.date.weekday counts


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.now(UTC)


def to_iso(instant: datetime) -> str:
    """RFC 3339 in UTC with microseconds and ``Z``: sorts as text. Raises ValueError for a naive instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant must carry its zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> datetime:
    """Parse what ``to_iso`` wrote, or any RFC 3339 instant with a zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant must carry its zone")
    return instant.astimezone(UTC)


def business_date(instant: datetime) -> date:
    """The calendar day in Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).date()


def business_month(instant: datetime) -> str:
    """``YYYY-MM`` in Asia/Shanghai: the period budgets and re-scores count by."""
    return business_date(instant).strftime("%Y-%m")


def is_business_day(day: date) -> bool:
    """A working day of the People's Republic, make-up Saturdays and Sundays included (calendar of `chinesecalendar`).

    A year whose holidays the State Council has not published yet (it does so each November) counts Monday to Friday.
    """
    import chinese_calendar  # the client has no need of it

    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < SATURDAY


def add_business_days(day: date, count: int) -> date:
    """The ``count``-th working day after ``day``."""
    while count > 0:
        day += timedelta(days=1)
        if is_business_day(day):
            count -= 1
    return day
