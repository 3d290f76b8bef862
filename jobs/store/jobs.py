"""Jobs and attempts as rows. Every step goes through the lifecycle table, checks the fencing token, and leaves a ledger record."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, insert, select, update

from catalog import canonical_json, clock
from catalog.actors import PLATFORM, Actor
from catalog.database import Tx
from catalog.errors import IllegalStep, NotFound
from catalog.ledger.record import Entry
from catalog.store import ledger
from jobs.lifecycle import ACTIVE, JOB, Event, Outcome, Status
from jobs.queue import Waiting, next_in_turn
from jobs.spec import JobSpec
from jobs.tables import attempts, jobs, supervisors


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str
    organisation_id: str
    project_id: str | None
    submitted_by: str | None
    spec: JobSpec
    spec_hash: str
    approval_hash: str
    status: Status
    why: Mapping[str, Any]
    outcome: Outcome | None
    figures: Mapping[str, Any]
    evidence: Mapping[str, Any]
    attempt: int
    token: str | None
    cancel_requested: bool
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    job_id: str
    number: int
    token: str
    supervisor: str
    heartbeat_at: datetime
    claimed_at: datetime
    running_at: datetime | None


def add_job(
    tx: Tx, *, job_id: str, actor: Actor, organisation_id: str, project_id: str | None, spec: JobSpec, approval_hash: str, record: Entry
) -> None:
    """A new job in its first state. ``submitted_by`` stays empty for work the platform starts itself."""
    tx.execute(
        insert(jobs).values(
            id=job_id,
            kind=spec.kind,
            organisation_id=organisation_id,
            project_id=project_id,
            submitted_by=None if actor is PLATFORM else actor.user_id,
            spec=canonical_json.dumps(spec.to_json()).decode(),
            spec_hash=spec.hash,
            approval_hash=approval_hash,
            status=str(JOB.initial),
            why="{}",
            figures="{}",
            evidence="{}",
            attempt=0,
            cancel_requested=False,
            submitted_at=clock.to_iso(clock.now()),
        )
    )
    ledger.append(tx, record)


def find(tx: Tx, job_id: str) -> Job:
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="job", name=job_id)
    return _job(row)


def jobs_where(
    tx: Tx, *, organisation_id: str | None = None, project_id: str | None = None, statuses: tuple[Status, ...] = (), limit: int = 200
) -> list[Job]:
    """Newest first."""
    query = select(jobs).order_by(jobs.c.submitted_at.desc(), jobs.c.id).limit(limit)
    if organisation_id is not None:
        query = query.where(jobs.c.organisation_id == organisation_id)
    if project_id is not None:
        query = query.where(jobs.c.project_id == project_id)
    if statuses:
        query = query.where(jobs.c.status.in_([str(s) for s in statuses]))
    return [_job(row) for row in tx.execute(query)]


def move(
    tx: Tx,
    job_id: str,
    event: Event,
    actor: Actor = PLATFORM,
    *,
    token: str | None = None,
    why: Mapping[str, Any] | None = None,
    **also: Any,
) -> Job:
    """Take one step of the lifecycle. ``token``, when given, must be the job's current one.

    Raises IllegalStep for a step the table does not have, or for a token that another attempt has replaced.
    """
    row = tx.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="job", name=job_id)
    if token is not None and row.token != token:
        raise IllegalStep("jobs.stale_token", number=row.attempt, job=job_id)
    target = JOB.step(row.status, event)
    values: dict[str, Any] = {"status": str(target), "why": json.dumps(dict(why or {})), **also}
    if target in JOB.final_states():
        values |= {"ended_at": clock.to_iso(clock.now()), "token": None}
    elif target is Status.LOST:
        values["token"] = None  # the attempt may still be running somewhere: from here on nothing it says counts
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
    payload = {"attempt": row.attempt, "kind": row.kind}
    if also.get("outcome"):
        payload["outcome"] = also["outcome"]
    ledger.append(tx, Entry.by(actor, f"job.{event}", job_id, before=row.status, after=str(target), **payload))
    return find(tx, job_id)


def end_attempt(tx: Tx, job_id: str, number: int, ending: str) -> None:
    tx.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.number == number, attempts.c.ended_at.is_(None))
        .values(ended_at=clock.to_iso(clock.now()), ending=ending)
    )


def claim_next(tx: Tx, supervisor: str, slots: int) -> Job | None:
    """Claim the job whose turn it is: a new attempt with a new token. None when nothing may start.

    On PostgreSQL the rows of other claimers are skipped (SKIP LOCKED); on SQLite the transaction already excludes them.
    """
    queued = jobs.c.status == str(Status.QUEUED)
    waiting = _longest_waiting(tx)
    # What runs is read after what waits: a claim made in between is then seen by this count or by the lock below.
    active = jobs.c.status.in_([str(s) for s in ACTIVE])
    running = list(tx.execute(select(jobs.c.organisation_id).where(active)).scalars())
    chosen = next_in_turn(waiting, running, slots)
    if chosen is None:
        return None
    if tx.execute(select(jobs.c.id).where(jobs.c.id == chosen, queued).with_for_update(skip_locked=True)).one_or_none() is None:
        return None  # another claimer has it
    now = clock.to_iso(clock.now())
    token = secrets.token_hex(16)
    number = tx.execute(select(jobs.c.attempt).where(jobs.c.id == chosen)).scalar_one() + 1
    tx.execute(insert(attempts).values(job_id=chosen, number=number, token=token, supervisor=supervisor, heartbeat_at=now, claimed_at=now))
    tx.execute(update(jobs).where(jobs.c.id == chosen).values(attempt=number, token=token, started_at=now))
    return move(tx, chosen, Event.CLAIM)


def _longest_waiting(tx: Tx) -> list[Waiting]:
    """Each organisation's longest-waiting job: all that fairness asks for, however long one organisation's queue is."""
    place = func.row_number().over(partition_by=jobs.c.organisation_id, order_by=(jobs.c.submitted_at, jobs.c.id)).label("place")
    columns = (jobs.c.id, jobs.c.organisation_id, jobs.c.submitted_at, place)
    ranked = select(*columns).where(jobs.c.status == str(Status.QUEUED)).subquery()
    rows = tx.execute(select(ranked).where(ranked.c.place == 1))
    return [Waiting(row.id, row.organisation_id, row.submitted_at) for row in rows]


def waiting_and_running(tx: Tx) -> tuple[int, list[str]]:
    """How many jobs wait, and one organisation id per running job."""
    count = tx.execute(select(func.count()).select_from(jobs).where(jobs.c.status == str(Status.QUEUED))).scalar_one()
    running = tx.execute(select(jobs.c.organisation_id).where(jobs.c.status.in_([str(s) for s in ACTIVE]))).scalars()
    return int(count), list(running)


def current_attempt(tx: Tx, job_id: str, number: int) -> AttemptRow:
    row = tx.execute(select(attempts).where(and_(attempts.c.job_id == job_id, attempts.c.number == number))).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="attempt", name=f"{job_id}/{number}")
    return _attempt(row)


def active_attempts(tx: Tx) -> list[tuple[Job, AttemptRow]]:
    query = select(jobs).where(jobs.c.status.in_([str(s) for s in (*ACTIVE, Status.LOST)]))
    found = [_job(row) for row in tx.execute(query)]
    return [(job, current_attempt(tx, job.id, job.attempt)) for job in found]


def beat(tx: Tx, supervisor: str, at: datetime) -> None:
    """Say that this supervisor lives and still watches its attempts."""
    seen = clock.to_iso(at)
    if tx.execute(update(supervisors).where(supervisors.c.name == supervisor).values(seen_at=seen)).rowcount == 0:
        tx.execute(insert(supervisors).values(name=supervisor, seen_at=seen))
    tx.execute(
        update(attempts).where(attempts.c.supervisor == supervisor, attempts.c.ended_at.is_(None)).values(heartbeat_at=clock.to_iso(at))
    )


def mark_running(tx: Tx, job_id: str, number: int) -> None:
    tx.execute(
        update(attempts).where(attempts.c.job_id == job_id, attempts.c.number == number).values(running_at=clock.to_iso(clock.now()))
    )


def request_cancel(tx: Tx, job_id: str, *, record: Entry) -> None:
    """Ask for an active job to be stopped; the supervisor takes the step."""
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
    ledger.append(tx, record)


def expire_old(tx: Tx, before: datetime) -> None:
    """End jobs that have waited since before ``before``."""
    waiting = [str(Status.QUEUED), str(Status.AWAITING_APPROVAL)]
    query = select(jobs.c.id).where(jobs.c.status.in_(waiting), jobs.c.submitted_at < clock.to_iso(before))
    # All rows are locked before the ledger's head is: two transactions never wait for one another in opposite orders.
    for job_id in tx.execute(query.with_for_update(skip_locked=True)).scalars().all():
        move(tx, job_id, Event.EXPIRE)


def supervisor_alive(tx: Tx, since: datetime) -> bool:
    """Whether a supervisor said anything since ``since``."""
    seen = tx.execute(select(func.max(supervisors.c.seen_at))).scalar_one_or_none()
    return seen is not None and seen >= clock.to_iso(since)


def approved_before(tx: Tx, project_id: str, approval_hash: str) -> bool:
    """Whether the same code, spec and environment was approved in this project before (policy ``first``)."""
    query = (
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.project_id == project_id, jobs.c.approval_hash == approval_hash, jobs.c.attempt > 0)
    )
    return bool(tx.execute(query).scalar_one())


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        row.kind,
        row.organisation_id,
        row.project_id,
        row.submitted_by,
        JobSpec.from_json(canonical_json.loads(row.spec)),
        row.spec_hash,
        row.approval_hash,
        Status(row.status),
        json.loads(row.why),
        None if row.outcome is None else Outcome(row.outcome),
        json.loads(row.figures),
        json.loads(row.evidence),
        row.attempt,
        row.token,
        bool(row.cancel_requested),
        clock.from_iso(row.submitted_at),
        None if row.started_at is None else clock.from_iso(row.started_at),
        None if row.ended_at is None else clock.from_iso(row.ended_at),
    )


def _attempt(row: Row[Any]) -> AttemptRow:
    return AttemptRow(
        row.job_id,
        row.number,
        row.token,
        row.supervisor,
        clock.from_iso(row.heartbeat_at),
        clock.from_iso(row.claimed_at),
        None if row.running_at is None else clock.from_iso(row.running_at),
    )
