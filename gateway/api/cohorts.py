"""Cohorts: sealed files up, names and rounded counts down."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from catalog.permissions import check_is_member
from gateway.api.bodies import WholeBody, bytes_of
from gateway.api.doors import CohortsUpload, PlatformHere, ProjectsSee
from gateway.api.lookups import project_named
from gateway.schemas import Id, Name
from gateway.schemas.jobs import Why
from gateway.schemas.projects import CohortStarted, CohortTold
from gateway.texts import why_of
from sandbox.store import cohorts
from sandbox.store.cohorts import Cohort

router = APIRouter(tags=["cohorts"])


@router.get("/projects/{project}/cohorts")
def list_cohorts(actor: ProjectsSee, platform: PlatformHere, project: str) -> list[CohortTold]:
    """For members of the project."""
    with platform.database.reading() as tx:
        found = project_named(tx, actor, project)
        check_is_member(actor, found)
        return [_told(cohort) for cohort in cohorts.cohorts_of(tx, found.organisation_id) if cohort.project_id == found.id]


@router.post("/projects/{project}/cohorts", status_code=202, openapi_extra=bytes_of("application/octet-stream"))
def upload_cohort(
    actor: CohortsUpload,
    platform: PlatformHere,
    project: str,
    name: Annotated[Name, Query()],
    dataset: Annotated[Id, Query()],
    body: WholeBody,
) -> CohortStarted:
    """A cohort sealed to the platform's reception key; ``dataset`` is the register it is matched against."""
    with platform.database.reading() as tx:
        found = project_named(tx, actor, project)
        check_is_member(actor, found)
    receipt = platform.write(actor, "cohort.upload", {"project_id": found.id, "name": name, "dataset": dataset}, body)
    return CohortStarted.model_validate(dict(receipt))


def _told(cohort: Cohort) -> CohortTold:
    names: tuple[str, ...] = ("id", "name", "version", "dataset", "status", "rows", "match_rate", "labelled", "job_id", "uploaded_at")
    why: Why | None = why_of(cohort.refusal)
    values: dict[str, Any] = {each: getattr(cohort, each) for each in names}
    return CohortTold(why=None if why is None else why.model_dump(), **values)
