"""WHEN a release may take a step: pure rules over votes, reports and dates. None knows a user's role; that is permissions.

Each raises PolicyRefusal with its reason. ``guards`` says which of them a step of the lifecycle asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from catalog.errors import PolicyRefusal
from sandbox.airlock.checks.finding import Verdict
from sandbox.airlock.policies import CodeApproval, Policy


class CastVote(Protocol):
    """What the rules read of a vote."""

    @property
    def reviewer(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def decision(self) -> str:
        """``approve``, ``return`` or ``reject``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules read of one file's check report: ``blocking`` and ``soft`` are names of checks."""

    blocked: bool
    blocking: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Judged:
        """From ``CheckReport.to_json``."""
        named = {verdict: tuple(f["check"] for f in report["findings"] if f["verdict"] == verdict) for verdict in Verdict}
        return cls(report["verdict"] == Verdict.BLOCK, named[Verdict.BLOCK], named[Verdict.REVIEW])


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


def check_somebody_returned(votes: Sequence[CastVote]) -> None:
    """Somebody asks for changes and nobody says no for good."""
    decisions = {vote.decision for vote in votes}
    if "return" not in decisions or "reject" in decisions:
        raise PolicyRefusal("rule.nobody_decided_so", decision="return")


def check_somebody_rejected(votes: Sequence[CastVote]) -> None:
    """One rejection is enough."""
    if not any(vote.decision == "reject" for vote in votes):
        raise PolicyRefusal("rule.nobody_decided_so", decision="reject")


def approval_is_usable(approved_at: datetime, now: datetime, policy: Policy) -> bool:
    """For ``approval_days``; one dated in the future is not usable. Both instants aware."""
    return timedelta(0) <= now - approved_at < timedelta(days=policy.approval_days)


def check_approval_not_expired(approved_at: datetime, now: datetime, policy: Policy) -> None:
    if not approval_is_usable(approved_at, now, policy):
        raise PolicyRefusal("rule.approval_expired", days=policy.approval_days)


def check_approval_expired(approved_at: datetime, now: datetime, policy: Policy) -> None:
    if approval_is_usable(approved_at, now, policy):
        raise PolicyRefusal("rule.approval_in_force", days=policy.approval_days)


def check_hard_findings_absent(reports: Sequence[Judged]) -> None:
    """Every file was checked and none is blocked. Nobody can waive this."""
    if not reports:
        raise PolicyRefusal("rule.nothing_checked")
    if any(report.blocked or report.blocking for report in reports):
        blocking = sorted({check for report in reports for check in report.blocking})
        raise PolicyRefusal("rule.hard_findings", checks=", ".join(blocking) or "-")


def check_soft_findings_reasoned(reports: Sequence[Judged], reason: str) -> None:
    """The author wrote a reason when a check asks for review."""
    soft = sorted({check for report in reports for check in report.soft})
    if soft and not reason.strip():
        raise PolicyRefusal("rule.reason_missing", checks=", ".join(soft))


def check_bytes_unchanged(reviewed: Mapping[str, str], signing: Mapping[str, str]) -> None:
    """What is signed is what was reviewed. Both: file name → SHA-256 (hex), or for scores the commitment that was voted on."""
    if not reviewed or dict(reviewed) != dict(signing):
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
