"""The rules that the lifecycle's table names, evaluated: the one place where a name in ``only_if`` becomes a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from catalog.errors import PolicyRefusal
from catalog.lifecycles import Transition
from sandbox.airlock import rules
from sandbox.airlock.lifecycle import ReleaseEvent, ReleaseState
from sandbox.airlock.policies import DEFAULT, Policy


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known when a step is to be taken. ``votes`` and ``reports`` are of the present round.

    ``reviewed`` are the hashes that stand in the release, ``signing`` those measured on the bytes about to be signed; empty before.
    """

    author: str
    grade: int
    reports: tuple[rules.Judged, ...]
    reason: str
    votes: tuple[rules.CastVote, ...]
    approved_at: datetime
    now: datetime
    reviewed: Mapping[str, str]
    signing: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = DEFAULT


RULES: Final[Mapping[str, Callable[[StepFacts], None]]] = {
    "hard_findings_absent": lambda f: rules.check_hard_findings_absent(f.reports),
    "soft_findings_reasoned": lambda f: rules.check_soft_findings_reasoned(f.reports, f.reason),
    "reviewers_differ_from_author": lambda f: rules.check_reviewers_differ_from_author(f.votes, f.author),
    "reviewers_differ": lambda f: rules.check_reviewers_differ(f.votes),
    "two_reviewers_agree": lambda f: rules.check_two_reviewers_agree(f.votes),
    "reviewers_of_different_organisations": lambda f: rules.check_reviewers_of_different_organisations(f.votes, f.grade, f.policy),
    "somebody_returned": lambda f: rules.check_somebody_returned(f.votes),
    "somebody_rejected": lambda f: rules.check_somebody_rejected(f.votes),
    "approval_not_expired": lambda f: rules.check_approval_not_expired(f.approved_at, f.now, f.policy),
    "approval_expired": lambda f: rules.check_approval_expired(f.approved_at, f.now, f.policy),
    "bytes_unchanged": lambda f: rules.check_bytes_unchanged(f.reviewed, f.signing),
}


def check_rules(transition: Transition[ReleaseState, ReleaseEvent], facts: StepFacts) -> None:
    """Raises the PolicyRefusal of the first rule of ``transition`` that ``facts`` violate."""
    for name in transition.only_if:
        RULES[name](facts)


def rules_hold(transition: Transition[ReleaseState, ReleaseEvent], facts: StepFacts) -> bool:
    try:
        check_rules(transition, facts)
    except PolicyRefusal:
        return False
    return True
