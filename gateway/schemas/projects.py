"""Projects, grants and cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from catalog.projects import CodeApproval, Grant, Project
from gateway.schemas import Asked, Id, Login, Name, Text, Told, Words


class ProjectBody(Asked):
    """``expires_at``: a date, which lasts to its end in Asia/Shanghai, or an instant with its zone."""

    organisation_id: Id
    name: Name
    purpose: Words
    legal_basis: Text
    impact_assessment: Text
    scenario: Words
    expires_at: str = Field(max_length=40)
    members: list[Login] = Field(max_length=100)
    code_approval: CodeApproval = "first"


class ProjectTold(Told):
    id: str
    organisation_id: str
    name: str
    purpose: str
    legal_basis: str
    impact_assessment: str
    scenario: str
    expires_at: datetime
    members: list[str]
    code_approval: str
    closed_at: datetime | None

    @classmethod
    def of(cls, project: Project, logins: Mapping[str, str]) -> ProjectTold:
        """``logins``: user id → login."""
        names = [name for name in cls.model_fields if name != "members"]
        members = sorted(logins.get(user_id, user_id) for user_id in project.members)
        return cls(members=members, **{name: getattr(project, name) for name in names})


class GrantBody(Asked):
    """``fields``: names, or ``["*"]`` for all that may be granted."""

    dataset: Id
    fields_: list[str] = Field(alias="fields", min_length=1, max_length=1000)
    expires_at: str = Field(max_length=40)


class GrantTold(Told):
    id: str
    project_id: str
    dataset: str
    fields_: list[str] = Field(serialization_alias="fields")
    expires_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, grant: Grant) -> GrantTold:
        return cls(
            id=grant.id,
            project_id=grant.project_id,
            dataset=grant.dataset,
            fields_=sorted(grant.fields),
            expires_at=grant.expires_at,
            revoked_at=grant.revoked_at,
        )


class CohortStarted(Told):
    cohort_id: str
    job_id: str


class CohortTold(Told):
    id: str
    name: str
    version: int
    dataset: str
    status: str
    rows: int | None
    match_rate: float | None
    labelled: bool | None
    why: dict[str, Any] | None
    job_id: str | None
    uploaded_at: datetime
