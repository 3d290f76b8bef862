"""Public halves of officers' and banks' own keys. In force only after somebody else compared the fingerprint."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from catalog.actors import Actor, OrganisationKind, Role
from catalog.errors import NotPermitted, PolicyRefusal
from catalog.keys.public import PublicKeyDocument
from catalog.ledger.record import Entry
from catalog.store import personal_keys
from gateway.api.doors import KeysConfirm, KeysRegister, PlatformHere, SignedInOnly
from gateway.schemas.people import FingerprintBody, KeyRegistered, KeyTold

router = APIRouter(tags=["keys"])


@router.post("/keys", status_code=201)
def register(actor: KeysRegister, platform: PlatformHere, body: dict[str, Any]) -> KeyRegistered:
    """The public key document that ``glovebox key new`` wrote."""
    document = PublicKeyDocument.from_json(body)
    _check_kind(actor, document.kind)
    facts = {"kind": document.kind, "fingerprint": document.fingerprint, "organisation": actor.organisation_id}
    record = Entry.by(actor, "key.register", document.key_id, after="registered", **facts)
    with platform.database.transaction() as tx:
        personal_keys.register(
            tx,
            key_id=document.key_id,
            kind=document.kind,
            actor=actor,
            document=document.to_json(),
            fingerprint=document.fingerprint,
            record=record,
        )
    return KeyRegistered(key_id=document.key_id, fingerprint=document.fingerprint)


def _check_kind(actor: Actor, kind: str) -> None:
    """Officers' keys sign votes, banks' keys open packages: neither may pass for the other."""
    fits = actor.has(Role.COMPLIANCE_OFFICER) if kind == "officer" else actor.organisation_kind is OrganisationKind.BANK
    if not fits:
        raise NotPermitted("gateway.key_kind_foreign", kind=kind)


@router.get("/keys")
def list_keys(actor: SignedInOnly, platform: PlatformHere) -> list[KeyTold]:
    """A bank sees its own."""
    with platform.database.reading() as tx:
        found = personal_keys.all_keys(tx)
    if actor.organisation_kind is OrganisationKind.BANK:
        found = [key for key in found if key.organisation_id == actor.organisation_id]
    return [KeyTold.of(key) for key in found]


@router.post("/keys/{key_id}/confirm")
def confirm(actor: KeysConfirm, platform: PlatformHere, key_id: str, body: FingerprintBody) -> KeyTold:
    """``fingerprint`` as the key's holder read it out over another channel."""
    with platform.database.transaction() as tx:
        key = personal_keys.find(tx, key_id)
        if key.revoked_at is not None:
            raise PolicyRefusal("gateway.key_revoked", key_id=key_id)
        facts = {"kind": key.kind, "holder": key.user_id or "", "organisation": key.organisation_id, "fingerprint": key.fingerprint}
        record = Entry.by(actor, "key.confirm", key_id, before="registered", after="confirmed", **facts)
        personal_keys.confirm(tx, key_id, actor, body.fingerprint, record=record)
        return KeyTold.of(personal_keys.find(tx, key_id))
