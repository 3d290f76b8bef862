"""What each party may see of a job. Built by copying named fields; evidence leaves the box for its keepers only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from catalog import clock
from catalog.actors import Actor, Role
from catalog.database import Tx
from catalog.settings import Settings
from gateway.schemas.jobs import JobTold, Why
from gateway.texts import why_of
from jobs.lifecycle import Status
from jobs.queue import Waiting, why_waiting
from jobs.store import jobs
from jobs.store.jobs import Job

SUPERVISOR_SILENT_AFTER = timedelta(seconds=15)  # it says that it lives every two seconds
KEEPERS = (Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR)
_OWN = ("project_id", "attempt", "cancel_requested", "submitted_at", "started_at", "ended_at")


def job_told(tx: Tx, settings: Settings, actor: Actor, job: Job) -> JobTold:
    """The job's own organisation sees its phase, outcome and figures; its keepers the evidence too; others kind and status."""
    told: dict[str, Any] = {"id": job.id, "kind": job.kind, "status": str(job.status)}
    keeper = actor.has(*KEEPERS)
    if not keeper and actor.organisation_id != job.organisation_id:
        return JobTold(**told)
    told |= {name: getattr(job, name) for name in _OWN}
    if not keeper:  # how long a run on real data took is told in steps only, among its figures
        told |= {"started_at": None, "ended_at": None}
    told |= {"organisation_id": job.organisation_id, "step": job.spec.step, "figures": dict(job.figures)}
    told |= {"outcome": None if job.outcome is None else str(job.outcome), "why": _why(tx, settings, job)}
    return JobTold(evidence=dict(job.evidence) if keeper else None, **told)


def _why(tx: Tx, settings: Settings, job: Job) -> Why | None:
    """A queued job always says what it waits for."""
    if job.status is not Status.QUEUED:
        return why_of(job.why)
    _, running = jobs.waiting_and_running(tx)
    alive = jobs.supervisor_alive(tx, clock.now() - SUPERVISOR_SILENT_AFTER)
    waiting = Waiting(job.id, job.organisation_id, clock.to_iso(job.submitted_at))
    code, params = why_waiting(waiting, running, settings.memory_slots, alive)
    return why_of({"code": code, "params": params})
