"""A bank's modelling project and what it was granted: no purpose, legal basis or assessment, no project; no grant, no field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalog.errors import PolicyRefusal

CodeApproval = Literal["none", "first", "every"]


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    organisation_id: str
    name: str
    purpose: str
    legal_basis: str
    impact_assessment: str
    scenario: str
    expires_at: datetime
    members: frozenset[str]
    code_approval: CodeApproval = "none"
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Fields of one dataset that a project may use until ``expires_at``."""

    id: str
    project_id: str
    dataset: str
    fields: frozenset[str]
    expires_at: datetime
    revoked_at: datetime | None = None


def check_project_is_live(project: Project, at: datetime) -> None:
    """Raises PolicyRefusal for a closed or expired project."""
    if project.closed_at is not None and project.closed_at <= at:
        raise PolicyRefusal("projects.closed", project=project.name)
    if project.expires_at <= at:
        raise PolicyRefusal("projects.expired", project=project.name, expired=project.expires_at.date().isoformat())


def check_fields_are_granted(project: Project, grants: list[Grant], wanted: dict[str, set[str]], at: datetime) -> None:
    """``wanted`` maps dataset to fields. Raises PolicyRefusal naming the first field that no live grant covers."""
    for dataset in sorted(wanted):
        live = [g for g in grants if g.dataset == dataset and g.revoked_at is None and g.expires_at > at]
        allowed = frozenset[str]().union(*(g.fields for g in live))
        missing = sorted(wanted[dataset] - allowed)
        if missing:
            raise PolicyRefusal("projects.field_not_granted", project=project.name, dataset=dataset, field=missing[0])
