"""Votes are signatures: an officer's own key over exactly what was reviewed. Pure rules; they believe no table.

The signer asks ``two_votes_for`` before anything leaves, a bank's verifier asks it again offline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from catalog import canonical_json, clock
from catalog.errors import BadInput, PolicyRefusal
from catalog.keys.ports import INTERNATIONAL, Signature
from catalog.keys.signatures import verify
from sandbox.airlock.officers import OfficerKey

VERSION: Final = 1
PURPOSE: Final = "vote"
DECISIONS: Final = ("approve", "return", "reject")
VOTES_NEEDED: Final = 2
LONGEST_VOTE: Final = timedelta(days=7)
CLOCK_SKEW: Final = timedelta(minutes=5)  # an officer's laptop may run a little ahead of the platform
GRADES: Final = range(1, 6)  # data security grades 1–5, JR/T 0197-2020
SEPARATE_ORGANISATIONS_FROM_GRADE: Final = 3

_HASH = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{40}")
_NONCE = re.compile(r"[0-9a-f]{32,64}")
_HASHES = ("spec_hash", "policy_hash", "check_report_hash")


@dataclass(frozen=True, slots=True)
class VoteStatement:
    """What an officer says. ``files``: name → SHA-256 (hex) of the bytes reviewed; ``attempt``: the release's round, from 1.

    ``removal_allowed``: rows may still be taken out of scores when a consent is withdrawn before signing; nothing else may change.
    ``recipient_fingerprint``: 40 hex; ``nonce``: 32–64 hex characters, used once.
    """

    release_id: str
    attempt: int
    decision: str
    files: Mapping[str, str]
    spec_hash: str
    policy_hash: str
    check_report_hash: str
    recipient_fingerprint: str
    removal_allowed: bool
    grade: int
    issued_at: datetime
    expires_at: datetime
    nonce: str
    suite: str = INTERNATIONAL

    def to_json(self) -> dict[str, Any]:
        document = {name: getattr(self, name) for name in self.__slots__}
        instants = {"issued_at": clock.to_iso(self.issued_at), "expires_at": clock.to_iso(self.expires_at)}
        return {"v": VERSION, **document, "files": dict(self.files), **instants}

    def canonical_bytes(self) -> bytes:
        """What is signed (under the purpose ``vote``)."""
        return canonical_json.dumps(self.to_json())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> VoteStatement:
        """Read what ``to_json`` wrote. Raises BadInput("vote.malformed", field=…)."""
        if not isinstance(document, Mapping) or set(document) != {"v", *cls.__slots__}:
            raise BadInput("vote.malformed", field="fields")
        if type(document["v"]) is not int or document["v"] != VERSION or document["suite"] != INTERNATIONAL:
            raise BadInput("vote.malformed", field="v, suite")
        for name, is_right in _SHAPES.items():
            if not is_right(document[name]):
                raise BadInput("vote.malformed", field=name)
        values = {name: document[name] for name in cls.__slots__}
        issued, expires = (_instant(document, name) for name in ("issued_at", "expires_at"))
        return cls(**{**values, "files": dict(document["files"]), "issued_at": issued, "expires_at": expires})


@dataclass(frozen=True, slots=True)
class SignedVote:
    """A statement and the signature over it; ``signature.key_id`` names the officer's key."""

    statement: VoteStatement
    signature: Signature

    def to_json(self) -> dict[str, Any]:
        return {"statement": self.statement.to_json(), "officer_key_id": self.signature.key_id, "signature": self.signature.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SignedVote:
        """Read what ``to_json`` wrote. Raises BadInput("vote.malformed", field=…)."""
        if not isinstance(document, Mapping) or set(document) != {"statement", "officer_key_id", "signature"}:
            raise BadInput("vote.malformed", field="fields")
        try:
            signature = Signature.from_json(document["signature"])
        except (ValueError, TypeError):
            raise BadInput("vote.malformed", field="signature") from None
        if document["officer_key_id"] != signature.key_id:
            raise BadInput("vote.malformed", field="officer_key_id")
        return cls(VoteStatement.from_json(document["statement"]), signature)


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What is about to leave, as the signer itself measured it. ``files``: hashes of the bytes that were *reviewed*.

    ``rows_removed``: rows were taken out after the votes, so that both votes must have allowed it.
    """

    release_id: str
    attempt: int
    files: Mapping[str, str]
    spec_hash: str
    policy_hash: str
    check_report_hash: str
    recipient_fingerprint: str
    grade: int
    author: str
    author_organisation: str
    rows_removed: bool = False


def verify_vote(statement: VoteStatement, signature: Signature, officer: OfficerKey, now: datetime) -> None:
    """``officer`` signed ``statement`` and it holds at ``now``. Raises PolicyRefusal naming the rule that fails."""
    check_in_time(statement, signature.key_id, now)
    if signature.key_id != officer.key_id:
        raise PolicyRefusal("vote.other_key", key_id=signature.key_id, officer=officer.officer)
    if not verify(officer.public_key, PURPOSE, statement.canonical_bytes(), signature):
        raise PolicyRefusal("vote.not_signed", key_id=signature.key_id)


def check_in_time(statement: VoteStatement, key_id: str, now: datetime) -> None:
    """Issued already, not expired, for at most seven days. Raises PolicyRefusal."""
    if not timedelta(0) < statement.expires_at - statement.issued_at <= LONGEST_VOTE:
        raise PolicyRefusal("vote.too_long", key_id=key_id, days=LONGEST_VOTE.days)
    if statement.issued_at > now + CLOCK_SKEW:
        raise PolicyRefusal("vote.from_the_future", key_id=key_id)
    if now >= statement.expires_at:
        raise PolicyRefusal("vote.expired", key_id=key_id, expired=clock.to_iso(statement.expires_at))


def two_votes_for(facts: ReleaseFacts, votes: Sequence[SignedVote], officers: Sequence[OfficerKey], now: datetime) -> None:
    """Two officers on the list approve exactly ``facts``. Raises PolicyRefusal naming the first rule that fails; None is a yes.

    Distinct officers and nonces; neither is the author; from grade 3 on of different organisations, neither the author's; same
    hashes, unexpired, signatures true.
    """
    check_statements(facts, votes)
    known = {officer.key_id: officer for officer in officers}
    for vote in votes:
        if vote.signature.key_id not in known:
            raise PolicyRefusal("vote.unknown_officer", key_id=vote.signature.key_id)
        verify_vote(vote.statement, vote.signature, known[vote.signature.key_id], now)
    check_independence(facts, [known[vote.signature.key_id] for vote in votes])


def check_statements(facts: ReleaseFacts, votes: Sequence[SignedVote]) -> None:
    """What the statements alone must satisfy, whoever signed them: two, different, approving, about these very facts."""
    if len(votes) != VOTES_NEEDED:
        raise PolicyRefusal("vote.not_two", needed=VOTES_NEEDED, found=len(votes))
    if len({vote.signature.key_id for vote in votes}) < VOTES_NEEDED:
        raise PolicyRefusal("vote.same_officer")
    if len({vote.statement.nonce for vote in votes}) < VOTES_NEEDED:
        raise PolicyRefusal("vote.same_nonce")
    for vote in votes:
        _check_says(facts, vote)


def check_independence(facts: ReleaseFacts, officers: Sequence[OfficerKey]) -> None:
    """Who the officers are to one another and to the author. Raises PolicyRefusal."""
    if len({officer.officer for officer in officers}) < VOTES_NEEDED:
        raise PolicyRefusal("vote.same_officer")
    if facts.author in {officer.officer for officer in officers}:
        raise PolicyRefusal("vote.author_votes", officer=facts.author)
    if facts.grade < SEPARATE_ORGANISATIONS_FROM_GRADE:
        return
    organisations = {officer.organisation for officer in officers}
    if len(organisations) < VOTES_NEEDED:
        raise PolicyRefusal("vote.same_organisation", grade=facts.grade)
    if facts.author_organisation in organisations:
        raise PolicyRefusal("vote.author_organisation", organisation=facts.author_organisation, grade=facts.grade)


def _check_says(facts: ReleaseFacts, vote: SignedVote) -> None:
    statement, key_id = vote.statement, vote.signature.key_id
    if statement.decision != "approve":
        raise PolicyRefusal("vote.not_approving", key_id=key_id, decision=statement.decision)
    if (statement.release_id, statement.attempt) != (facts.release_id, facts.attempt):
        raise PolicyRefusal("vote.other_release", key_id=key_id, release=facts.release_id, attempt=facts.attempt)
    if dict(statement.files) != dict(facts.files):
        raise PolicyRefusal("vote.other_bytes", key_id=key_id, what="files")
    for name in (*_HASHES, "recipient_fingerprint", "grade"):
        if getattr(statement, name) != getattr(facts, name):
            raise PolicyRefusal("vote.other_bytes", key_id=key_id, what=name)
    if facts.rows_removed and not statement.removal_allowed:
        raise PolicyRefusal("vote.removal_not_allowed", key_id=key_id)


def _matches(pattern: re.Pattern[str]) -> Any:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_file_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(name, str) and _matches(_HASH)(h) for name, h in value.items())


def _instant(document: Mapping[str, Any], name: str) -> datetime:
    try:
        instant = clock.from_iso(document[name])
    except (ValueError, TypeError):
        raise BadInput("vote.malformed", field=name) from None
    if clock.to_iso(instant) != document[name]:  # one spelling, so that re-reading and re-signing give the same bytes
        raise BadInput("vote.malformed", field=name)
    return instant


_SHAPES: Final[Mapping[str, Any]] = {
    "release_id": lambda value: isinstance(value, str) and bool(value),
    "attempt": lambda value: type(value) is int and value >= 1,
    "decision": lambda value: value in DECISIONS,
    "files": _is_file_table,
    **{name: _matches(_HASH) for name in _HASHES},
    "recipient_fingerprint": _matches(_FINGERPRINT),
    "removal_allowed": lambda value: isinstance(value, bool),
    "grade": lambda value: type(value) is int and value in GRADES,
    "nonce": _matches(_NONCE),
}
