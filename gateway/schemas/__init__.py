"""What crosses HTTP, as pydantic models: unknown keys are refused, values are bounded before anything looks at them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from catalog import clock
from catalog.errors import BadInput

# Ids and names of this platform, as they may stand in a body or a query.
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
Name = Annotated[str, Field(min_length=2, max_length=63, pattern=r"^[a-z][a-z0-9_]*$")]
Login = Annotated[str, Field(min_length=2, max_length=64, pattern=r"^[a-z][a-z0-9_.\-]*$")]
# Free text says something, and holds no zero byte: PostgreSQL keeps none.
_SAYS_SOMETHING = r"^[^\x00]*[^\s\x00][^\x00]*$"
Words = Annotated[str, Field(min_length=1, max_length=200, pattern=_SAYS_SOMETHING)]
Text = Annotated[str, Field(min_length=1, max_length=4000, pattern=_SAYS_SOMETHING)]
Comment = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Password = Annotated[str, Field(min_length=1, max_length=256)]


class Asked(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Told(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def end_of(text: str, field: str) -> datetime:
    """The instant a written expiry means; a bare date lasts to the end of its day in Asia/Shanghai. Raises BadInput."""
    try:
        if len(text) == len("2027-06-30"):
            last = date.fromisoformat(text)
            instant = datetime.combine(last + timedelta(days=1), time(), clock.SHANGHAI)
        else:
            instant = datetime.fromisoformat(text)
        written = clock.from_iso(clock.to_iso(instant))
    except (ValueError, OverflowError):
        raise BadInput("gateway.not_an_instant", field=field) from None
    if written <= clock.now():
        raise BadInput("gateway.expiry_in_the_past", field=field)
    return written
