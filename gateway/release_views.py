"""A release as its author or a reviewer may see it: ``sandbox.airlock.visibility`` decides, this file brings rows in and texts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from catalog.actors import Actor, OrganisationKind
from catalog.database import Tx
from catalog.messages import catalogue, render
from catalog.store import actors
from gateway.schemas.releases import FindingTold, ReleaseTold, VoteTold
from gateway.texts import why_of
from sandbox.airlock.checks.finding import CheckReport, Finding, Verdict
from sandbox.airlock.visibility import AuthorView, PublicFinding, ReviewerView, author_view, reviewer_view
from sandbox.store import releases
from sandbox.store.releases import CastVote, Release

_SEVERITY = {Verdict.BLOCK: 0, Verdict.REVIEW: 1, Verdict.PASS: 2}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A release in the words of the views."""

    release_id: str
    project_id: str
    tenant_id: str
    author: str
    state: str
    files: Mapping[str, str]
    reports: Mapping[str, CheckReport]
    reasons: Mapping[str, str]
    votes: tuple[CastVote, ...]


def release_told(tx: Tx, actor: Actor, release: Release) -> ReleaseTold:
    """A bank sees the author's view, the platform's people the reviewer's. Raises NotFound for another bank's release."""
    names = {user.id: user.login for user in actors.all_users(tx)}
    organisations = {user.id: user.organisation_id for user in actors.all_users(tx)}
    seen = _seen(release, tuple(releases.votes_on(tx, release.id, release.round, organisations)))
    if actor.organisation_kind is OrganisationKind.BANK:
        return _for_author(release, author_view(seen, actor.organisation_id), names)
    return _for_reviewer(release, reviewer_view(seen, actor.user_id), names)


def reports_of(release: Release) -> dict[str, CheckReport]:
    """File name → report, empty before the check ended."""
    files = (release.report or {}).get("files", {})
    return {str(name): _report(found) for name, found in files.items()}


def _report(found: Mapping[str, Any]) -> CheckReport:
    findings = tuple(_finding(each) for each in found["findings"])
    return CheckReport(found["artefact_type"], found["canonical_sha256"], found["policy_hash"], findings)


def _finding(found: Mapping[str, Any]) -> Finding:
    named = {name: found[name] for name in ("check", "value", "limit", "fix_code", "source", "hard")}
    return Finding(**named, verdict=Verdict(found["verdict"]), evidence=MappingProxyType(dict(found["evidence"])))


def _seen(release: Release, votes: tuple[CastVote, ...]) -> _Seen:
    reports = reports_of(release)
    soft = {finding.check for report in reports.values() for finding in report.of(Verdict.REVIEW)}
    reasons = dict.fromkeys(sorted(soft), release.reason) if release.reason.strip() else {}
    files = {file.name: file.reviewed_sha256 for file in release.files}
    state = str(release.state)
    return _Seen(release.id, release.project_id, release.organisation_id, release.author, state, files, reports, reasons, votes)


def _for_author(release: Release, view: AuthorView, names: Mapping[str, str]) -> ReleaseTold:
    found = [_public(each) for each in view.findings]
    votes = [VoteTold(decision=vote.decision, comment=vote.comment) for vote in view.votes]
    return _told(release, "author", names, dict.fromkeys(view.files), found, view.reasons, votes)


def _for_reviewer(release: Release, view: ReviewerView, names: Mapping[str, str]) -> ReleaseTold:
    found = [_whole(file, each) for file in sorted(view.reports) for each in view.reports[file].findings]
    votes = [
        VoteTold(
            decision=vote.decision,
            comment=vote.comment,
            reviewer=names.get(vote.reviewer, vote.reviewer),
            organisation=vote.organisation,
        )
        for vote in view.votes
    ]
    return _told(release, "reviewer", names, dict(view.files), found, view.reasons, votes)


def _told(
    release: Release,
    view: str,
    names: Mapping[str, str],
    files: Mapping[str, str | None],
    findings: list[FindingTold],
    reasons: Mapping[str, str],
    votes: list[VoteTold],
) -> ReleaseTold:
    worst = sorted(findings, key=lambda each: (_SEVERITY[Verdict(each.verdict)], not each.hard, each.file, each.check))
    return ReleaseTold(
        view=view,
        id=release.id,
        number=release.number,
        project_id=release.project_id,
        organisation_id=release.organisation_id,
        job_id=release.job_id,
        author=names.get(release.author),
        state=str(release.state),
        round=release.round,
        grade=release.grade,
        verdict=worst[0].verdict if worst else None,
        files=dict(files),
        types={file.name: file.type for file in release.files},
        findings=worst,
        reasons=dict(reasons),
        votes=votes,
        why=why_of(release.why),
        codes=dict((release.report or {}).get("codes", {})) if view == "reviewer" else {},
        recipient_fingerprint=release.recipient_fingerprint,
        removal_allowed=release.removal_allowed,
        requested_at=release.requested_at,
        approved_at=release.approved_at,
        released_at=release.released_at,
    )


def _public(finding: PublicFinding) -> FindingTold:
    texts = _texts(finding.check, finding.fix_code, finding.limit)
    return FindingTold(
        file=finding.file,
        check=finding.check,
        verdict=finding.verdict,
        limit=finding.limit,
        hard=finding.hard,
        fix_code=finding.fix_code,
        **texts,
    )


def _whole(file: str, finding: Finding) -> FindingTold:
    texts = _texts(finding.check, finding.fix_code, finding.limit)
    document = {name: getattr(finding, name) for name in ("check", "limit", "hard", "fix_code", "value", "source")}
    return FindingTold(file=file, verdict=str(finding.verdict), evidence=dict(finding.evidence), **document, **texts)


def _texts(check: str, fix_code: str, limit: object) -> dict[str, Any]:
    code, params = f"check.{check}.title", {"limit": limit}
    known = code in catalogue()  # a report outlives the version of the platform that wrote it
    return {
        "title": render(code, {}, "en") if known else check,
        "title_zh": render(code, {}, "zh") if known else check,
        "fix": render(fix_code, params, "en"),
        "fix_zh": render(fix_code, params, "zh"),
    }
