"""Consents. Only pseudonyms are kept; the identifiers a department names are turned into them on the intake side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from catalog import clock
from catalog.consent import ANY_PURPOSE, Consent
from catalog.database import Tx
from catalog.ledger.record import Entry
from catalog.store import ledger
from catalog.tables import consents


def add_consents(tx: Tx, domain: str, granted: Iterable[Consent], *, record: Entry) -> None:
    rows = [
        {
            "domain": domain,
            "topic_id": c.topic_id,
            "organisation_id": c.organisation_id,
            "purpose": c.purpose,
            "valid_from": clock.to_iso(c.valid_from),
            "valid_to": clock.to_iso(c.valid_to),
        }
        for c in granted
    ]
    if rows:
        tx.execute(insert(consents), rows)
    ledger.append(tx, record)


def withdraw(tx: Tx, topic_ids: Sequence[str], organisation_id: str, purpose: str, at: datetime, *, record: Entry) -> int:
    """Withdraw every consent of these subjects that lets this institution use them for ``purpose``. Returns how many ended.

    A consent to any purpose covers this one too, so it ends; withdrawing from ``*`` ends them all.
    """
    covering = (consents.c.purpose.in_([ANY_PURPOSE, purpose]),) if purpose != ANY_PURPOSE else ()
    changed = 0
    for topic_id in topic_ids:
        ended = tx.execute(
            update(consents)
            .where(
                consents.c.topic_id == topic_id,
                consents.c.organisation_id == organisation_id,
                *covering,
                consents.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=clock.to_iso(at))
        )
        changed += ended.rowcount
    ledger.append(tx, record)
    return changed


def consents_of(tx: Tx, organisation_id: str) -> list[Consent]:
    rows = tx.execute(select(consents).where(consents.c.organisation_id == organisation_id))
    return [
        Consent(
            row.topic_id,
            row.organisation_id,
            row.purpose,
            clock.from_iso(row.valid_from),
            clock.from_iso(row.valid_to),
            None if row.withdrawn_at is None else clock.from_iso(row.withdrawn_at),
        )
        for row in rows
    ]


def consented(tx: Tx, organisation_id: str, purpose: str, at: datetime) -> frozenset[str]:
    """Topic ids with a live consent at ``at``, decided by the database: province-sized lists stay out of Python objects."""
    instant = clock.to_iso(at)
    query = select(consents.c.topic_id).where(
        consents.c.organisation_id == organisation_id,
        consents.c.purpose.in_([ANY_PURPOSE, purpose]),
        consents.c.valid_from <= instant,
        consents.c.valid_to > instant,
        (consents.c.withdrawn_at.is_(None)) | (consents.c.withdrawn_at > instant),
    )
    return frozenset(tx.execute(query).scalars())
