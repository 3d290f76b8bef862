"""The life of a release, from draft to delivery, as one table. ``guards`` evaluates the rules named here; roles are permissions."""

from __future__ import annotations

from enum import StrEnum

from catalog.lifecycles import Machine, Transition


class ReleaseState(StrEnum):
    """Where a release stands. History is never deleted: the final states keep everything."""

    DRAFT = "draft"
    CHECKING = "checking"
    BLOCKED = "blocked"
    SUBMITTED = "submitted"
    ONE_REVIEW = "one_review"
    REVIEWED = "reviewed"
    RETURNED = "returned"
    REJECTED = "rejected"
    APPROVED = "approved"
    SIGNING = "signing"
    RELEASED = "released"
    REVOKED = "revoked"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ReleaseEvent(StrEnum):
    """What may happen to a release; the words of the command line and of HTTP."""

    CHECK = "check"
    BLOCK = "block"
    SUBMIT = "submit"
    VOTE = "vote"
    RETURN = "return"
    REJECT = "reject"
    APPROVE = "approve"
    SIGN = "sign"
    REOPEN = "reopen"
    RELEASE = "release"
    REVOKE = "revoke"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


_S = ReleaseState
_E = ReleaseEvent

_BY_AUTHOR = "author"
_BY_REVIEWER = "reviewer"
_BY_PLATFORM = "platform"
_BY_SIGNER = "signer"

TRANSITIONS: tuple[Transition[ReleaseState, ReleaseEvent], ...] = (
    Transition(_S.DRAFT, _E.CHECK, _S.CHECKING, _BY_AUTHOR),
    Transition(_S.DRAFT, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(_S.CHECKING, _E.BLOCK, _S.BLOCKED, _BY_PLATFORM),
    Transition(_S.CHECKING, _E.SUBMIT, _S.SUBMITTED, _BY_AUTHOR, ("hard_findings_absent", "soft_findings_reasoned")),
    Transition(_S.CHECKING, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(_S.SUBMITTED, _E.VOTE, _S.ONE_REVIEW, _BY_REVIEWER, ("reviewers_differ_from_author",)),
    Transition(_S.SUBMITTED, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(_S.ONE_REVIEW, _E.VOTE, _S.REVIEWED, _BY_REVIEWER, ("reviewers_differ_from_author", "reviewers_differ")),
    Transition(_S.ONE_REVIEW, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(
        _S.REVIEWED,
        _E.APPROVE,
        _S.APPROVED,
        _BY_PLATFORM,
        ("hard_findings_absent", "two_reviewers_agree", "reviewers_of_different_organisations"),
    ),
    Transition(_S.REVIEWED, _E.RETURN, _S.RETURNED, _BY_PLATFORM, ("somebody_returned",)),
    Transition(_S.REVIEWED, _E.REJECT, _S.REJECTED, _BY_PLATFORM, ("somebody_rejected",)),
    Transition(_S.REVIEWED, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    # A new round: everything is checked and voted on again.
    Transition(_S.RETURNED, _E.CHECK, _S.CHECKING, _BY_AUTHOR),
    Transition(_S.RETURNED, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(_S.APPROVED, _E.SIGN, _S.SIGNING, _BY_SIGNER, ("approval_not_expired",)),
    Transition(_S.APPROVED, _E.EXPIRE, _S.EXPIRED, _BY_PLATFORM, ("approval_expired",)),
    Transition(_S.APPROVED, _E.WITHDRAW, _S.WITHDRAWN, _BY_AUTHOR),
    Transition(_S.SIGNING, _E.RELEASE, _S.RELEASED, _BY_SIGNER, ("approval_not_expired", "bytes_unchanged")),
    # A consent was withdrawn and what remains is outside the envelope that both reviewers signed.
    Transition(_S.SIGNING, _E.REOPEN, _S.SUBMITTED, _BY_SIGNER),
    Transition(_S.RELEASED, _E.REVOKE, _S.REVOKED, _BY_REVIEWER),
)

RELEASE: Machine[ReleaseState, ReleaseEvent] = Machine("release", TRANSITIONS)


def step(state: str, event: str) -> ReleaseState:
    """The state after ``event``. Raises IllegalStep, whose text names the events that are possible."""
    return RELEASE.step(state, event)


def mermaid() -> str:
    """The diagram of the table, for the documentation."""
    return RELEASE.mermaid()
