"""Jobs: submit, look, cancel, approve. What a run tells its author is a phase, an outcome word and coarse figures."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import BadInput, NotFound
from catalog.permissions import check_is_member
from catalog.store import projects
from gateway.api.bodies import check_plain
from gateway.api.doors import JobsApprove, JobsCancel, JobsSee, JobsSubmit, PlatformHere
from gateway.api.job_views import job_told
from gateway.api.lookups import job_named, project_named
from gateway.ports import Platform
from gateway.schemas import Id
from gateway.schemas.jobs import JobBody, JobTold
from jobs.store import jobs

router = APIRouter(tags=["jobs"])
LARGEST_CODE_BYTES = 1 << 20
MOST_LISTED = 200


@router.post("/projects/{project}/jobs", status_code=201)
def submit(actor: JobsSubmit, platform: PlatformHere, project: str, body: JobBody) -> JobTold:
    """Submit one step. A spec that may never run is refused with its reason, and kept as a refused job."""
    with platform.database.reading() as tx:
        found = project_named(tx, actor, project)
        check_is_member(actor, found)
    code = _code(body.code)
    spec = body.spec.model_dump()
    check_plain(spec, "spec")
    if code is not None:
        spec |= {"code_sha256": hashlib.sha256(code).hexdigest(), "code_bytes": len(code)}
    receipt = platform.write(actor, "job.submit", {"project_id": found.id, "spec": spec}, code)
    return _shown(platform, actor, str(receipt["job_id"]))


def _code(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        code = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("gateway.code_not_base64") from None
    if len(code) > LARGEST_CODE_BYTES:
        raise BadInput("gateway.code_too_large", limit=LARGEST_CODE_BYTES)
    return code


@router.get("/jobs")
def list_jobs(
    actor: JobsSee,
    platform: PlatformHere,
    project: Annotated[Id | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
) -> list[JobTold]:
    """Newest first. A bank sees its own; the platform's people see kind and status of all, and their own organisation's whole."""
    with platform.database.reading() as tx:
        own = actor.organisation_id if actor.organisation_kind == "bank" else None
        of_project = None if project is None else project_named(tx, actor, project).id
        found = jobs.jobs_where(tx, organisation_id=own, project_id=of_project, limit=limit)
        return [job_told(tx, platform.settings, actor, job) for job in found]


@router.get("/jobs/{job_id}")
def show_job(actor: JobsSee, platform: PlatformHere, job_id: str) -> JobTold:
    return _shown(platform, actor, job_id)


@router.post("/jobs/{job_id}/cancel")
def cancel_job(actor: JobsCancel, platform: PlatformHere, job_id: str) -> JobTold:
    """Cancelled is not failed: an active job is asked to stop, a waiting one ends at once."""
    with platform.database.reading() as tx:
        _check_own_project(tx, actor, job_id)
    return _moved(platform, actor, "job.cancel", job_id)


@router.get("/jobs/{job_id}/code", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def job_code(actor: JobsApprove, platform: PlatformHere, job_id: str) -> Response:
    """The bank's own script, for whoever approves it before it runs."""
    with platform.database.reading() as tx:
        job_named(tx, actor, job_id)
    return Response(platform.code(actor, job_id), media_type="text/plain; charset=utf-8")


@router.post("/jobs/{job_id}/approve")
def approve_job(actor: JobsApprove, platform: PlatformHere, job_id: str) -> JobTold:
    return _moved(platform, actor, "job.approve", job_id)


@router.post("/jobs/{job_id}/refuse")
def refuse_job(actor: JobsApprove, platform: PlatformHere, job_id: str) -> JobTold:
    return _moved(platform, actor, "job.refuse", job_id)


def _check_own_project(tx: Tx, actor: Actor, job_id: str) -> None:
    """Raises NotFound, or NotPermitted for a colleague who is no member. Work outside projects is its starter's own."""
    job = job_named(tx, actor, job_id)
    if job.project_id is None and job.submitted_by == actor.user_id:
        return
    if job.project_id is None:
        raise NotFound("permissions.not_found", what="job", name=job_id)
    check_is_member(actor, projects.project_by_id(tx, job.project_id))


def _moved(platform: Platform, actor: Actor, kind: str, job_id: str) -> JobTold:
    body: dict[str, Any] = {"job_id": job_id}
    with platform.database.reading() as tx:
        job_named(tx, actor, job_id)
    platform.write(actor, kind, body)
    return _shown(platform, actor, job_id)


def _shown(platform: Platform, actor: Actor, job_id: str) -> JobTold:
    with platform.database.reading() as tx:
        return job_told(tx, platform.settings, actor, job_named(tx, actor, job_id))
