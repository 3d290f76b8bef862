"""What a vote is about: the facts of a release as they stand, and the officer's key that must have signed."""

from __future__ import annotations

from typing import Any

from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import PolicyRefusal
from catalog.keys.public import PublicKeyDocument
from catalog.store import personal_keys
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.votes import ReleaseFacts
from sandbox.store.releases import Release


def facts_of(release: Release) -> ReleaseFacts:
    """Raises PolicyRefusal while there is no check report to vote on."""
    if release.report_hash is None:
        raise PolicyRefusal("release.not_checked", release=release.id, state=str(release.state))
    return ReleaseFacts(
        release_id=release.id,
        attempt=release.round,
        files={file.name: file.reviewed_sha256 for file in release.files},
        spec_hash=release.spec_hash,
        policy_hash=release.policy_hash,
        check_report_hash=release.report_hash,
        recipient_fingerprint=release.recipient_fingerprint,
        grade=release.grade,
        author=release.author,
        author_organisation=release.organisation_id,
    )


def ballot(release: Release) -> dict[str, Any]:
    """What an officer's own key signs, as JSON: the client adds decision, expiry and nonce."""
    facts = facts_of(release)
    names = ("release_id", "attempt", "spec_hash", "policy_hash", "check_report_hash", "recipient_fingerprint", "grade")
    return {**{name: getattr(facts, name) for name in names}, "files": dict(facts.files), "removal_allowed": release.removal_allowed}


def officer_key(tx: Tx, actor: Actor, key_id: str) -> OfficerKey:
    """The actor's own key by id, in force. Raises PolicyRefusal for another's, an unconfirmed or a revoked one."""
    for key in personal_keys.officer_keys(tx):
        if key.key_id == key_id and key.user_id == actor.user_id:
            return as_officer(key)
    raise PolicyRefusal("release.no_key")


def officers_in_force(tx: Tx) -> list[OfficerKey]:
    return [as_officer(key) for key in personal_keys.officer_keys(tx)]


def as_officer(key: personal_keys.RegisteredKey) -> OfficerKey:
    document = PublicKeyDocument.from_json(key.document)
    assert key.user_id is not None
    return OfficerKey(key.user_id, key.organisation_id, document.signing_key)
