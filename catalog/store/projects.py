"""Projects, their members, and grants."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog import clock
from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import BadInput, NotFound
from catalog.ledger.record import Entry
from catalog.projects import CodeApproval, Grant, Project
from catalog.store import actors, ledger
from catalog.tables import grants, project_members, projects


def add_project(tx: Tx, project: Project, *, record: Entry) -> None:
    """Raises BadInput for a name its bank already uses, NotFound for an unknown bank or member."""
    actors.organisation(tx, project.organisation_id)
    try:
        tx.execute(
            insert(projects).values(
                id=project.id,
                organisation_id=project.organisation_id,
                name=project.name,
                purpose=project.purpose,
                legal_basis=project.legal_basis,
                impact_assessment=project.impact_assessment,
                scenario=project.scenario,
                expires_at=clock.to_iso(project.expires_at),
                code_approval=project.code_approval,
            )
        )
    except IntegrityError as error:
        raise BadInput("projects.name_taken", project=project.name) from error
    for user_id in sorted(project.members):
        member = actors.user_by_id(tx, user_id)
        if member.organisation_id != project.organisation_id:
            raise BadInput("projects.member_foreign", login=member.login, project=project.name)
        tx.execute(insert(project_members).values(project_id=project.id, user_id=user_id))
    ledger.append(tx, record)


def project_by_id(tx: Tx, project_id: str) -> Project:
    row = tx.execute(select(projects).where(projects.c.id == project_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="project", name=project_id)
    return _project(tx, row)


def project_by_name(tx: Tx, organisation_id: str, name: str) -> Project:
    row = tx.execute(select(projects).where(projects.c.organisation_id == organisation_id, projects.c.name == name)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="project", name=name)
    return _project(tx, row)


def projects_visible_to(tx: Tx, actor: Actor) -> list[Project]:
    query = select(projects).order_by(projects.c.organisation_id, projects.c.name)
    if actor.organisation_kind == "bank":
        query = query.where(projects.c.organisation_id == actor.organisation_id)
    return [_project(tx, row) for row in tx.execute(query)]


def close_project(tx: Tx, project_id: str, at: datetime, *, record: Entry) -> None:
    project_by_id(tx, project_id)
    tx.execute(update(projects).where(projects.c.id == project_id).values(closed_at=clock.to_iso(at)))
    ledger.append(tx, record)


def add_grant(tx: Tx, grant: Grant, granted_by: str, *, record: Entry) -> None:
    tx.execute(
        insert(grants).values(
            id=grant.id,
            project_id=grant.project_id,
            dataset=grant.dataset,
            fields=json.dumps(sorted(grant.fields)),
            granted_by=granted_by,
            created_at=clock.to_iso(clock.now()),
            expires_at=clock.to_iso(grant.expires_at),
        )
    )
    ledger.append(tx, record)


def revoke_grant(tx: Tx, grant_id: str, *, record: Entry) -> None:
    changed = tx.execute(update(grants).where(grants.c.id == grant_id).values(revoked_at=clock.to_iso(clock.now())))
    if changed.rowcount != 1:
        raise NotFound("permissions.not_found", what="grant", name=grant_id)
    ledger.append(tx, record)


def grant_by_id(tx: Tx, grant_id: str) -> Grant:
    row = tx.execute(select(grants).where(grants.c.id == grant_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="grant", name=grant_id)
    return _grant(row)


def grants_of(tx: Tx, project_id: str) -> list[Grant]:
    return [_grant(row) for row in tx.execute(select(grants).where(grants.c.project_id == project_id).order_by(grants.c.created_at))]


def _project(tx: Tx, row: Row[Any]) -> Project:
    members = tx.execute(select(project_members.c.user_id).where(project_members.c.project_id == row.id)).scalars()
    approval: CodeApproval = row.code_approval
    closed = None if row.closed_at is None else clock.from_iso(row.closed_at)
    return Project(
        row.id,
        row.organisation_id,
        row.name,
        row.purpose,
        row.legal_basis,
        row.impact_assessment,
        row.scenario,
        clock.from_iso(row.expires_at),
        frozenset(members),
        approval,
        closed,
    )


def _grant(row: Row[Any]) -> Grant:
    revoked = None if row.revoked_at is None else clock.from_iso(row.revoked_at)
    return Grant(row.id, row.project_id, row.dataset, frozenset(json.loads(row.fields)), clock.from_iso(row.expires_at), revoked)
