"""What each party may SEE of a release. Views are built by copying fields known to be safe; nothing is popped from a larger object.

The author never sees what a check measured on real rows: verdict, limit and advice only, or the checks would answer questions about rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.errors import NotFound
from sandbox.airlock.checks.finding import CheckReport, Finding
from sandbox.airlock.lifecycle import ReleaseState

# While these last, a reviewer's vote is known to that reviewer alone.
BLIND = frozenset({ReleaseState.SUBMITTED, ReleaseState.ONE_REVIEW})


class SeenVote(Protocol):
    @property
    def reviewer(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def decision(self) -> str: ...
    @property
    def comment(self) -> str: ...


class SeenRelease(Protocol):
    """What the views read of a release. ``reports``: file name → report; ``files``: file name → SHA-256 of canonical bytes."""

    @property
    def release_id(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def tenant_id(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def files(self) -> Mapping[str, str]: ...
    @property
    def reports(self) -> Mapping[str, CheckReport]: ...
    @property
    def reasons(self) -> Mapping[str, str]: ...
    @property
    def votes(self) -> Sequence[SeenVote]: ...


@dataclass(frozen=True, slots=True)
class PublicFinding:
    """A finding as its author may see it."""

    file: str
    check: str
    verdict: str
    limit: int | float | str | bool | None
    fix_code: str
    hard: bool


@dataclass(frozen=True, slots=True)
class PublicVote:
    """A vote as another person may see it: who voted is for reviewers and auditors."""

    decision: str
    comment: str


@dataclass(frozen=True, slots=True)
class AuthorView:
    release_id: str
    project_id: str
    state: str
    files: tuple[str, ...]
    findings: tuple[PublicFinding, ...]
    reasons: Mapping[str, str]
    votes: tuple[PublicVote, ...]


@dataclass(frozen=True, slots=True)
class ReviewerVote:
    reviewer: str
    organisation: str
    decision: str
    comment: str


@dataclass(frozen=True, slots=True)
class ReviewerView:
    """``reports`` hold the evidence; ``votes`` hold the reviewer's own alone while the phase is blind."""

    release_id: str
    project_id: str
    tenant_id: str
    author: str
    state: str
    files: Mapping[str, str]
    reports: Mapping[str, CheckReport]
    reasons: Mapping[str, str]
    votes: tuple[ReviewerVote, ...]


def author_view(release: SeenRelease, tenant_id: str) -> AuthorView:
    """For members of the project. Votes appear once both were cast. Raises NotFound for another tenant, as for a release that is not."""
    if release.tenant_id != tenant_id:
        raise NotFound("visibility.release_not_found", release=release.release_id)
    votes = () if release.state in BLIND else tuple(PublicVote(vote.decision, vote.comment) for vote in release.votes)
    return AuthorView(
        release_id=release.release_id,
        project_id=release.project_id,
        state=str(release.state),
        files=tuple(sorted(release.files)),
        findings=tuple(public_finding(file, each) for file in sorted(release.reports) for each in release.reports[file].findings),
        reasons=dict(release.reasons),
        votes=votes,
    )


def reviewer_view(release: SeenRelease, reviewer: str) -> ReviewerView:
    """For officers who may review: everything but the other reviewer's vote before both were cast."""
    blind = release.state in BLIND
    votes = [vote for vote in release.votes if not blind or vote.reviewer == reviewer]
    return ReviewerView(
        release_id=release.release_id,
        project_id=release.project_id,
        tenant_id=release.tenant_id,
        author=release.author,
        state=str(release.state),
        files=dict(release.files),
        reports=dict(release.reports),
        reasons=dict(release.reasons),
        votes=tuple(ReviewerVote(vote.reviewer, vote.organisation, vote.decision, vote.comment) for vote in votes),
    )


def public_finding(file: str, finding: Finding) -> PublicFinding:
    """Copies what says how to do better, never what was measured."""
    return PublicFinding(file, finding.check, str(finding.verdict), finding.limit, finding.fix_code, finding.hard)
