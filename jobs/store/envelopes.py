"""The mailbox's rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update

from catalog import canonical_json, clock
from catalog.database import Tx
from jobs.envelope import Envelope
from jobs.tables import envelopes


def post(tx: Tx, envelope: Envelope) -> None:
    tx.execute(
        insert(envelopes).values(
            id=envelope.id,
            kind=envelope.kind,
            user_id=envelope.user_id,
            body=canonical_json.dumps(dict(envelope.body)).decode(),
            attachment_sha256=envelope.attachment_sha256,
            posted_at=clock.to_iso(clock.now()),
        )
    )


def waiting(tx: Tx, limit: int = 50) -> list[Envelope]:
    """Envelopes nobody has answered, oldest first."""
    query = select(envelopes).where(envelopes.c.receipt.is_(None)).order_by(envelopes.c.posted_at, envelopes.c.id).limit(limit)
    return [Envelope(r.id, r.kind, r.user_id, json.loads(r.body), r.attachment_sha256) for r in tx.execute(query)]


def lock_unanswered(tx: Tx, envelope_id: str) -> bool:
    """Whether nobody has answered yet; if so nobody else will until this transaction ends: two deliverers take turns."""
    query = select(envelopes.c.receipt).where(envelopes.c.id == envelope_id).with_for_update()
    row = tx.execute(query).one_or_none()
    return row is not None and row.receipt is None


def answer(tx: Tx, envelope_id: str, receipt: Mapping[str, Any]) -> None:
    """The first answer stays: delivering an envelope twice changes nothing."""
    tx.execute(
        update(envelopes)
        .where(envelopes.c.id == envelope_id, envelopes.c.receipt.is_(None))
        .values(receipt=canonical_json.dumps(dict(receipt)).decode(), taken_at=clock.to_iso(clock.now()))
    )


def receipt(tx: Tx, envelope_id: str) -> dict[str, Any] | None:
    text = tx.execute(select(envelopes.c.receipt).where(envelopes.c.id == envelope_id)).scalar_one_or_none()
    return None if text is None else json.loads(text)
