"""Releases and their votes as rows. Every step goes through the lifecycle table and leaves a ledger record; nothing is ever deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog import canonical_json, clock
from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import actors, ledger
from sandbox.airlock.guards import StepFacts, check_rules
from sandbox.airlock.lifecycle import RELEASE, ReleaseEvent, ReleaseState
from sandbox.airlock.rules import Judged
from sandbox.airlock.votes import SignedVote
from sandbox.tables import releases, votes


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release. ``sha256`` is of the canonical bytes once they were checked, before that of the bytes as produced.

    ``salt`` (hex) stands beside scores only: it never leaves, so that nobody can guess a removed row from what was voted on.
    """

    name: str
    path: str
    type: str
    sha256: str
    size: int
    salt: str = ""

    @property
    def reviewed_sha256(self) -> str:
        """What votes are about: the hash itself, or for scores a salted commitment to it."""
        return commit_to(self.sha256, self.salt) if self.salt else self.sha256


@dataclass(frozen=True, slots=True)
class Release:
    id: str
    number: int
    organisation_id: str
    project_id: str
    job_id: str
    author: str
    state: ReleaseState
    round: int
    grade: int
    files: tuple[ReleaseFile, ...]
    spec_hash: str
    policy_hash: str
    report: Mapping[str, Any] | None
    report_hash: str | None
    recipient_fingerprint: str
    removal_allowed: bool
    reason: str
    why: Mapping[str, Any]
    check_job: str | None
    package: Mapping[str, Any] | None
    requested_at: datetime
    approved_at: datetime | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class CastVote:
    release_id: str
    round: int
    user_id: str
    organisation: str
    decision: str
    vote: SignedVote
    comment: str
    cast_at: datetime

    @property
    def reviewer(self) -> str:
        return self.user_id


def commit_to(sha256: str, salt: str) -> str:
    """SHA-256 (hex) over salt and hash: says nothing of the bytes to whoever lacks the salt."""
    return hashlib.sha256(bytes.fromhex(salt) + bytes.fromhex(sha256)).hexdigest()


def next_number(tx: Tx) -> int:
    return int(tx.execute(select(func.max(releases.c.number))).scalar_one_or_none() or 0) + 1


def add_release(tx: Tx, release: Release, *, record: Entry) -> None:
    tx.execute(
        insert(releases).values(
            id=release.id,
            number=release.number,
            organisation_id=release.organisation_id,
            project_id=release.project_id,
            job_id=release.job_id,
            author=release.author,
            state=str(release.state),
            round=release.round,
            grade=release.grade,
            files=_files_text(release.files),
            spec_hash=release.spec_hash,
            policy_hash=release.policy_hash,
            recipient_fingerprint=release.recipient_fingerprint,
            removal_allowed=release.removal_allowed,
            reason=release.reason,
            why="{}",
            requested_at=clock.to_iso(release.requested_at),
        )
    )
    ledger.append(tx, record)


def move(
    tx: Tx,
    release_id: str,
    event: ReleaseEvent,
    actor: Actor,
    *,
    payload: Mapping[str, Any] | None = None,
    signing: Mapping[str, str] | None = None,
    **also: Any,
) -> Release:
    """Take one step. ``also`` are columns that change with it. Raises IllegalStep, NotFound."""
    row = tx.execute(select(releases).where(releases.c.id == release_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="release", name=release_id)
    transition = RELEASE.transition(row.state, event)
    if transition.only_if:
        check_rules(transition, step_facts(tx, _with(_release(row), also), signing or {}))
    target = transition.target
    tx.execute(update(releases).where(releases.c.id == release_id).values(state=str(target), **also))
    body = {"round": row.round, **(payload or {})}
    ledger.append(tx, Entry.by(actor, f"release.{event}", release_id, before=row.state, after=str(target), **body))
    return find(tx, release_id)


def step_facts(tx: Tx, release: Release, signing: Mapping[str, str] | None = None) -> StepFacts:
    """What the rules of the lifecycle look at, as the tables say it now. ``signing``: hashes of the bytes about to be signed."""
    organisations = {user.id: user.organisation_id for user in actors.all_users(tx)}
    return StepFacts(
        author=release.author,
        grade=release.grade,
        reports=tuple(Judged.of(report) for report in (release.report or {"files": {}})["files"].values()),
        reason=release.reason,
        votes=tuple(votes_on(tx, release.id, release.round, organisations)),
        approved_at=release.approved_at or release.requested_at,
        now=clock.now(),
        reviewed={file.name: file.reviewed_sha256 for file in release.files},
        signing=signing or {},
    )


def _with(release: Release, columns: Mapping[str, Any]) -> Release:
    """The release as the step will leave it: what a check or its author says with the step counts for the step's rules."""
    report = json.loads(columns["report"]) if "report" in columns else release.report
    return replace(release, report=report, reason=columns.get("reason", release.reason))


def note(tx: Tx, release_id: str, actor: Actor, action: str, payload: Mapping[str, Any], **values: Any) -> None:
    """Change facts of a release between steps, with their record."""
    tx.execute(update(releases).where(releases.c.id == release_id).values(**values))
    ledger.append(tx, Entry.by(actor, action, release_id, **payload))


def find(tx: Tx, release_id: str) -> Release:
    row = tx.execute(select(releases).where(releases.c.id == release_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="release", name=release_id)
    return _release(row)


def releases_where(tx: Tx, *, organisation_id: str | None = None, states: tuple[ReleaseState, ...] = (), limit: int = 200) -> list[Release]:
    """Newest first."""
    query = select(releases).order_by(releases.c.number.desc()).limit(limit)
    if organisation_id is not None:
        query = query.where(releases.c.organisation_id == organisation_id)
    if states:
        query = query.where(releases.c.state.in_([str(s) for s in states]))
    return [_release(row) for row in tx.execute(query)]


def cast_vote(tx: Tx, release: Release, actor: Actor, vote: SignedVote, comment: str, *, record: Entry) -> None:
    """Keep a vote. Raises PolicyRefusal for a second vote of one officer in a round and for a nonce that was used before."""
    try:
        tx.execute(
            insert(votes).values(
                release_id=release.id,
                round=release.round,
                user_id=actor.user_id,
                decision=vote.statement.decision,
                vote=canonical_json.dumps(vote.to_json()).decode(),
                comment=comment,
                nonce=vote.statement.nonce,
                cast_at=clock.to_iso(clock.now()),
            )
        )
    except IntegrityError as error:
        raise PolicyRefusal("release.voted_already", release=release.id) from error
    ledger.append(tx, record)


def votes_on(tx: Tx, release_id: str, round_: int, organisation_of: Mapping[str, str] | None = None) -> list[CastVote]:
    query = select(votes).where(votes.c.release_id == release_id, votes.c.round == round_).order_by(votes.c.cast_at)
    known = organisation_of or {}
    return [
        CastVote(
            r.release_id,
            r.round,
            r.user_id,
            known.get(r.user_id, ""),
            r.decision,
            SignedVote.from_json(json.loads(r.vote)),
            r.comment,
            clock.from_iso(r.cast_at),
        )
        for r in tx.execute(query)
    ]


def files_text(files: tuple[ReleaseFile, ...]) -> str:
    return _files_text(files)


def _files_text(files: tuple[ReleaseFile, ...]) -> str:
    return json.dumps([{name: getattr(f, name) for name in ReleaseFile.__slots__} for f in files])


def _release(row: Row[Any]) -> Release:
    return Release(
        id=row.id,
        number=row.number,
        organisation_id=row.organisation_id,
        project_id=row.project_id,
        job_id=row.job_id,
        author=row.author,
        state=ReleaseState(row.state),
        round=row.round,
        grade=row.grade,
        files=tuple(ReleaseFile(**f) for f in json.loads(row.files)),
        spec_hash=row.spec_hash,
        policy_hash=row.policy_hash,
        report=None if row.report is None else json.loads(row.report),
        report_hash=row.report_hash,
        recipient_fingerprint=row.recipient_fingerprint,
        removal_allowed=bool(row.removal_allowed),
        reason=row.reason,
        why=json.loads(row.why),
        check_job=row.check_job,
        package=None if row.package is None else json.loads(row.package),
        requested_at=clock.from_iso(row.requested_at),
        approved_at=None if row.approved_at is None else clock.from_iso(row.approved_at),
        released_at=None if row.released_at is None else clock.from_iso(row.released_at),
    )
