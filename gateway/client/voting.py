"""An officer's vote: the platform's ballot says what there is, the officer's own key says what this officer thinks of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from catalog import clock
from catalog.errors import BadInput, IntegrityBroken
from gateway.client.personal_keys import PersonalKey
from sandbox.airlock.votes import DECISIONS, LONGEST_VOTE, SignedVote, VoteStatement

NONCE_BYTES: Final = 16
BALLOT_FIELDS: Final = (
    *("release_id", "attempt", "files", "spec_hash", "policy_hash", "check_report_hash"),
    *("recipient_fingerprint", "grade", "removal_allowed"),
)


def make_statement(
    ballot: Mapping[str, Any],
    decision: str,
    *,
    removal_allowed: bool = True,
    valid_for: timedelta = LONGEST_VOTE,
    now: datetime | None = None,
) -> VoteStatement:
    """What the officer will sign about ``ballot``; ``decision`` is approve, return or reject.

    ``removal_allowed`` False withholds what the author asked for: then nothing may change, not even by a withdrawn consent.
    Raises BadInput("client.bad_decision"), or BadInput("vote.malformed") for a ballot that is none.
    """
    if decision not in DECISIONS:
        raise BadInput("client.bad_decision", decisions=", ".join(DECISIONS))
    missing = [name for name in BALLOT_FIELDS if name not in ballot]
    if missing:
        raise BadInput("vote.malformed", field=missing[0])
    issued = now or clock.now()
    facts = {name: ballot[name] for name in BALLOT_FIELDS}
    times = {"issued_at": clock.to_iso(issued), "expires_at": clock.to_iso(issued + valid_for)}
    document = {**facts, **times, "v": 1, "suite": "intl", "decision": decision, "nonce": secrets.token_hex(NONCE_BYTES)}
    return VoteStatement.from_json({**document, "removal_allowed": removal_allowed and ballot["removal_allowed"]})


def sign_vote(statement: VoteStatement, key: PersonalKey) -> SignedVote:
    """The statement under the officer's signature. Raises BadInput("keys.cannot_vote") for a bank's key."""
    return SignedVote(statement, key.sign_vote(statement.to_json()))


def check_ballot_is_for(ballot: Mapping[str, Any], release_id: str, seen_files: Mapping[str, str] | None = None) -> None:
    """The ballot is about the release that was asked for, and about the files that the officer looked at.

    ``seen_files``: name → SHA-256 (hex), None when none are to be held. Raises IntegrityBroken("client.other_ballot").
    """
    other_files = seen_files is not None and dict(seen_files) != ballot.get("files")
    if ballot.get("release_id") != release_id or other_files:
        raise IntegrityBroken("client.other_ballot", release=release_id)
