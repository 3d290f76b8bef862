"""Projects and what they are granted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from catalog import clock
from catalog.actors import OrganisationKind
from catalog.contracts import DatasetContract
from catalog.database import Tx
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.faults import refuse_if_any
from catalog.features import field_faults
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.permissions import check_owns_department
from catalog.projects import Grant, Project, check_project_is_live
from catalog.store import actors, datasets, projects
from gateway.api.doors import GrantsManage, PlatformHere, ProjectsManage, ProjectsSee
from gateway.api.lookups import contract_of, logins, project_named
from gateway.schemas import end_of
from gateway.schemas.projects import GrantBody, GrantTold, ProjectBody, ProjectTold

router = APIRouter(tags=["projects"])
ALL = ["*"]


@router.get("/projects")
def list_projects(actor: ProjectsSee, platform: PlatformHere) -> list[ProjectTold]:
    with platform.database.reading() as tx:
        names = logins(tx)
        return [ProjectTold.of(project, names) for project in projects.projects_visible_to(tx, actor)]


@router.get("/projects/{project}")
def show_project(actor: ProjectsSee, platform: PlatformHere, project: str) -> ProjectTold:
    with platform.database.reading() as tx:
        return ProjectTold.of(project_named(tx, actor, project), logins(tx))


@router.post("/projects", status_code=201)
def add_project(actor: ProjectsManage, platform: PlatformHere, body: ProjectBody) -> ProjectTold:
    """No purpose, legal basis or impact assessment, no project."""
    with platform.database.transaction() as tx:
        if actors.organisation(tx, body.organisation_id).kind is not OrganisationKind.BANK:
            raise BadInput("gateway.project_not_of_bank", organisation=body.organisation_id)
        project = Project(
            id=new_id("prj"),
            organisation_id=body.organisation_id,
            name=body.name,
            purpose=body.purpose,
            legal_basis=body.legal_basis,
            impact_assessment=body.impact_assessment,
            scenario=body.scenario,
            expires_at=end_of(body.expires_at, "expires_at"),
            members=frozenset(_member(tx, login) for login in body.members),
            code_approval=body.code_approval,
        )
        facts = {"name": project.name, "purpose": project.purpose, "organisation": project.organisation_id}
        members, until = sorted(project.members), clock.to_iso(project.expires_at)
        record = Entry.by(actor, "project.add", project.id, after="open", **facts, members=members, expires_at=until)
        projects.add_project(tx, project, record=record)
        return ProjectTold.of(project, logins(tx))


def _member(tx: Tx, login: str) -> str:
    user = actors.user_by_login(tx, login)
    if user is None:
        raise NotFound("permissions.not_found", what="user", name=login)
    return user.id


@router.post("/projects/{project}/close")
def close_project(actor: ProjectsManage, platform: PlatformHere, project: str) -> ProjectTold:
    with platform.database.transaction() as tx:
        found = project_named(tx, actor, project)
        if found.closed_at is not None:
            raise PolicyRefusal("gateway.project_closed_already", project=found.name)
        record = Entry.by(actor, "project.close", found.id, before="open", after="closed")
        projects.close_project(tx, found.id, clock.now(), record=record)
        return ProjectTold.of(projects.project_by_id(tx, found.id), logins(tx))


@router.get("/projects/{project}/grants")
def list_grants(actor: ProjectsSee, platform: PlatformHere, project: str) -> list[GrantTold]:
    with platform.database.reading() as tx:
        found = project_named(tx, actor, project)
        return [GrantTold.of(grant) for grant in projects.grants_of(tx, found.id)]


@router.post("/projects/{project}/grants", status_code=201)
def add_grant(actor: GrantsManage, platform: PlatformHere, project: str, body: GrantBody) -> GrantTold:
    """Fields that identify, are never granted, dropped or known only after the outcome are refused, each with its reason."""
    with platform.database.transaction() as tx:
        dataset = datasets.dataset_by_name(tx, body.dataset)
        check_owns_department(actor, dataset.department)
        found = project_named(tx, actor, project)
        check_project_is_live(found, clock.now())
        fields = _fields(contract_of(dataset), body.fields_)
        grant = Grant(new_id("grant"), found.id, dataset.name, fields, end_of(body.expires_at, "expires_at"))
        until = clock.to_iso(grant.expires_at)
        facts: dict[str, Any] = {"project": found.id, "dataset": dataset.name, "fields": sorted(fields), "expires_at": until}
        projects.add_grant(tx, grant, actor.login, record=Entry.by(actor, "grant.add", grant.id, after="in_force", **facts))
    return GrantTold.of(grant)


def _fields(contract: DatasetContract, wanted: list[str]) -> frozenset[str]:
    if wanted == ALL:
        granted = frozenset(field.name for field in contract.fields if not field_faults(contract, field.name, ""))
        if not granted:
            raise BadInput("gateway.nothing_grantable", dataset=contract.name)
        return granted
    faults = [fault for name in wanted for fault in field_faults(contract, name, f"fields.{name}")]
    refuse_if_any("gateway.grant_refused", faults, dataset=contract.name)
    return frozenset(wanted)


@router.delete("/grants/{grant_id}", status_code=204)
def revoke_grant(actor: GrantsManage, platform: PlatformHere, grant_id: str) -> None:
    with platform.database.transaction() as tx:
        grant = projects.grant_by_id(tx, grant_id)
        check_owns_department(actor, datasets.dataset_by_name(tx, grant.dataset).department)
        if grant.revoked_at is None:
            record = Entry.by(actor, "grant.revoke", grant.id, before="in_force", after="revoked", project=grant.project_id)
            projects.revoke_grant(tx, grant.id, record=record)
