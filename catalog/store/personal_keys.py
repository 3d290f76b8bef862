"""Public halves of keys that officers and banks made on their side. In force only once another person confirmed the fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog import canonical_json, clock
from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import ledger
from catalog.tables import personal_keys


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    key_id: str
    kind: str
    user_id: str | None
    organisation_id: str
    document: dict[str, Any]
    fingerprint: str
    confirmed_at: datetime | None
    confirmed_by: str | None
    revoked_at: datetime | None

    @property
    def in_force(self) -> bool:
        return self.confirmed_at is not None and self.revoked_at is None


def register(tx: Tx, *, key_id: str, kind: str, actor: Actor, document: dict[str, Any], fingerprint: str, record: Entry) -> None:
    try:
        tx.execute(
            insert(personal_keys).values(
                key_id=key_id,
                kind=kind,
                user_id=actor.user_id,
                organisation_id=actor.organisation_id,
                document=canonical_json.dumps(document).decode(),
                fingerprint=fingerprint,
                registered_at=clock.to_iso(clock.now()),
            )
        )
    except IntegrityError as error:
        raise BadInput("keys.already_registered", fingerprint=fingerprint) from error
    ledger.append(tx, record)


def confirm(tx: Tx, key_id: str, actor: Actor, fingerprint: str, *, record: Entry) -> None:
    """Raises PolicyRefusal for one's own key or a fingerprint that differs from the one read out by its holder."""
    key = find(tx, key_id)
    if key.user_id == actor.user_id:
        raise PolicyRefusal("keys.confirm_own")
    if key.fingerprint != fingerprint:
        raise PolicyRefusal("keys.fingerprint_differs", key_id=key_id)
    tx.execute(
        update(personal_keys)
        .where(personal_keys.c.key_id == key_id)
        .values(confirmed_at=clock.to_iso(clock.now()), confirmed_by=actor.login)
    )
    ledger.append(tx, record)


def revoke(tx: Tx, key_id: str, *, record: Entry) -> None:
    find(tx, key_id)
    tx.execute(update(personal_keys).where(personal_keys.c.key_id == key_id).values(revoked_at=clock.to_iso(clock.now())))
    ledger.append(tx, record)


def find(tx: Tx, key_id: str) -> RegisteredKey:
    row = tx.execute(select(personal_keys).where(personal_keys.c.key_id == key_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="key", name=key_id)
    return _key(row)


def all_keys(tx: Tx) -> list[RegisteredKey]:
    return [_key(row) for row in tx.execute(select(personal_keys).order_by(personal_keys.c.registered_at))]


def officer_keys(tx: Tx) -> list[RegisteredKey]:
    return [k for k in all_keys(tx) if k.kind == "officer" and k.in_force]


def recipient_of(tx: Tx, organisation_id: str) -> RegisteredKey:
    """The bank's newest confirmed recipient key. Raises PolicyRefusal when it has none."""
    keys = [k for k in all_keys(tx) if k.kind == "bank" and k.organisation_id == organisation_id and k.in_force]
    if not keys:
        raise PolicyRefusal("keys.no_recipient", organisation=organisation_id)
    return keys[-1]


def _key(row: Row[Any]) -> RegisteredKey:
    return RegisteredKey(
        row.key_id,
        row.kind,
        row.user_id,
        row.organisation_id,
        canonical_json.loads(row.document),
        row.fingerprint,
        None if row.confirmed_at is None else clock.from_iso(row.confirmed_at),
        row.confirmed_by,
        None if row.revoked_at is None else clock.from_iso(row.revoked_at),
    )
