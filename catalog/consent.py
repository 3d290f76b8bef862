"""Consent: which subjects' non-public data one institution may use for one purpose, from when to when.

A subject without a live consent is absent, exactly as if it had never been matched; nothing says which of the two it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

ANY_PURPOSE = "*"


@dataclass(frozen=True, slots=True)
class Consent:
    """Scope of one subject's consent. ``topic_id`` stays inside; it is never shown."""

    topic_id: str
    organisation_id: str
    purpose: str
    valid_from: datetime
    valid_to: datetime
    withdrawn_at: datetime | None = None

    def covers(self, organisation_id: str, purpose: str, at: datetime) -> bool:
        return (
            self.organisation_id == organisation_id
            and self.purpose in (ANY_PURPOSE, purpose)
            and self.valid_from <= at < self.valid_to
            and (self.withdrawn_at is None or at < self.withdrawn_at)
        )


def consented_subjects(consents: Iterable[Consent], organisation_id: str, purpose: str, at: datetime) -> frozenset[str]:
    """Topic ids with a live consent for this institution and purpose."""
    return frozenset(c.topic_id for c in consents if c.covers(organisation_id, purpose, at))
