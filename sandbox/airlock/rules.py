"""WHEN a release may take a step: pure rules over votes, reports and dates. None knows a user's role; that is permissions.

Each rule exists once: ``check_x`` raises PolicyRefusal with its reason, ``x`` asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from catalog.errors import PolicyRefusal
from sandbox.airlock.checks.finding import CheckReport, Verdict
from sandbox.airlock.policies import CodeApproval, Policy

P = ParamSpec("P")
FirstT = TypeVar("FirstT")


class CastVote(Protocol):
    """What the rules read of a vote."""

    @property
    def reviewer(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def decision(self) -> str:
        """``approve``, ``return`` or ``reject``."""


def check_two_reviewers_agree(votes: Sequence[CastVote]) -> None:
    """Two different people voted and everybody approved."""
    if len({vote.reviewer for vote in votes}) < 2:
        raise PolicyRefusal("rule.two_reviewers_needed", have=len({vote.reviewer for vote in votes}))
    if any(vote.decision != "approve" for vote in votes):
        raise PolicyRefusal("rule.reviewers_disagree")


def check_reviewers_differ(votes: Sequence[CastVote]) -> None:
    """Nobody votes twice in one round."""
    if len({vote.reviewer for vote in votes}) < len(votes):
        raise PolicyRefusal("rule.voted_already")


def check_reviewers_differ_from_author(votes: Sequence[CastVote], author: str) -> None:
    """Nobody reviews what they wrote."""
    if any(vote.reviewer == author for vote in votes):
        raise PolicyRefusal("rule.own_work")


def check_reviewers_of_different_organisations(votes: Sequence[CastVote], grade: int, policy: Policy) -> None:
    """From the policy's data grade (1–5) on, the reviewers come from two organisations."""
    if grade >= policy.different_organisations_from_grade and len({vote.organisation for vote in votes}) < 2:
        raise PolicyRefusal("rule.one_organisation", grade=grade)


def check_approval_not_expired(approved_at: datetime, now: datetime, policy: Policy) -> None:
    """An approval is usable for ``approval_days``; one dated in the future is not usable. Both instants aware."""
    if not timedelta(0) <= now - approved_at < timedelta(days=policy.approval_days):
        raise PolicyRefusal("rule.approval_expired", days=policy.approval_days)


def check_artefact_not_expired(made_at: datetime, now: datetime, policy: Policy) -> None:
    """An undelivered artefact stays ``unreleased_days`` in the vault. Both instants aware."""
    if now - made_at >= timedelta(days=policy.unreleased_days):
        raise PolicyRefusal("rule.artefact_expired", days=policy.unreleased_days)


def check_hard_findings_absent(reports: Sequence[CheckReport]) -> None:
    """Every file was checked and none is blocked. Nobody can waive this."""
    if not reports:
        raise PolicyRefusal("rule.nothing_checked")
    blocking = sorted({finding.check for report in reports for finding in report.of(Verdict.BLOCK)})
    if blocking or any(report.blocked for report in reports):
        raise PolicyRefusal("rule.hard_findings", checks=", ".join(blocking) or "-")


def check_soft_findings_reasoned(reports: Sequence[CheckReport], reasons: Mapping[str, str]) -> None:
    """The author wrote a reason for every check that asks for review. ``reasons``: check name → text."""
    missing = sorted(name for name in _soft(reports) if not reasons.get(name, "").strip())
    if missing:
        raise PolicyRefusal("rule.reason_missing", checks=", ".join(missing))


def check_bytes_unchanged(reviewed_sha256: str, signing_sha256: str) -> None:
    """What is signed is what was reviewed."""
    if reviewed_sha256 != signing_sha256:
        raise PolicyRefusal("rule.bytes_changed")


def code_approval_needed(code_approval: CodeApproval, code_hash: str, approved_hashes: Collection[str]) -> bool:
    """Whether a person must approve before this run. ``code_hash`` covers code, spec and environment; ``first`` asks once per hash."""
    match code_approval:
        case "none":
            return False
        case "first":
            return code_hash not in approved_hashes
        case "every":
            return True


def holds(check: Callable[Concatenate[FirstT, P], None], first: FirstT, *args: P.args, **kwargs: P.kwargs) -> bool:
    """Whether ``check`` passes instead of raising PolicyRefusal."""
    try:
        check(first, *args, **kwargs)
    except PolicyRefusal:
        return False
    return True


def two_reviewers_agree(votes: Sequence[CastVote]) -> bool:
    return holds(check_two_reviewers_agree, votes)


def reviewers_differ(votes: Sequence[CastVote]) -> bool:
    return holds(check_reviewers_differ, votes)


def somebody_returned(votes: Sequence[CastVote]) -> bool:
    """Somebody asks for changes and nobody says no for good."""
    decisions = {vote.decision for vote in votes}
    return "return" in decisions and "reject" not in decisions


def somebody_rejected(votes: Sequence[CastVote]) -> bool:
    """One rejection is enough."""
    return any(vote.decision == "reject" for vote in votes)


def reviewers_differ_from_author(votes: Sequence[CastVote], author: str) -> bool:
    return holds(check_reviewers_differ_from_author, votes, author)


def reviewers_of_different_organisations(votes: Sequence[CastVote], grade: int, policy: Policy) -> bool:
    return holds(check_reviewers_of_different_organisations, votes, grade, policy)


def approval_not_expired(approved_at: datetime, now: datetime, policy: Policy) -> bool:
    return holds(check_approval_not_expired, approved_at, now, policy)


def approval_expired(approved_at: datetime, now: datetime, policy: Policy) -> bool:
    return not approval_not_expired(approved_at, now, policy)


def artefact_expired(made_at: datetime, now: datetime, policy: Policy) -> bool:
    return not artefact_not_expired(made_at, now, policy)


def artefact_not_expired(made_at: datetime, now: datetime, policy: Policy) -> bool:
    return holds(check_artefact_not_expired, made_at, now, policy)


def hard_findings_absent(reports: Sequence[CheckReport]) -> bool:
    return holds(check_hard_findings_absent, reports)


def soft_findings_reasoned(reports: Sequence[CheckReport], reasons: Mapping[str, str]) -> bool:
    return holds(check_soft_findings_reasoned, reports, reasons)


def bytes_unchanged(reviewed_sha256: str, signing_sha256: str) -> bool:
    return holds(check_bytes_unchanged, reviewed_sha256, signing_sha256)


def _soft(reports: Sequence[CheckReport]) -> set[str]:
    return {finding.check for report in reports for finding in report.of(Verdict.REVIEW)}
