"""WHO may act: one table from permission to roles, and one pure question. WHEN something may happen is policy, elsewhere."""

from __future__ import annotations

from enum import StrEnum

from catalog.actors import Actor, OrganisationKind, Role
from catalog.errors import NotFound, NotPermitted
from catalog.projects import Project


class Permission(StrEnum):
    """What a route or command asks for. The value is the word shown in refusals and in docs."""

    SIGN_IN_ONLY = "sign_in_only"
    ORGANISATIONS_MANAGE = "organisations_manage"
    USERS_MANAGE = "users_manage"
    ROLES_MANAGE = "roles_manage"
    PROJECTS_MANAGE = "projects_manage"
    PROJECTS_SEE = "projects_see"
    GRANTS_MANAGE = "grants_manage"
    CONTRACTS_MANAGE = "contracts_manage"
    DATASETS_SEE = "datasets_see"
    INTAKE_RUN = "intake_run"
    CONSENTS_MANAGE = "consents_manage"
    COHORTS_UPLOAD = "cohorts_upload"
    JOBS_SUBMIT = "jobs_submit"
    JOBS_SEE = "jobs_see"
    JOBS_CANCEL = "jobs_cancel"
    JOBS_APPROVE = "jobs_approve"
    RELEASES_REQUEST = "releases_request"
    RELEASES_SEE = "releases_see"
    RELEASES_REVIEW = "releases_review"
    RELEASES_REVOKE = "releases_revoke"
    RELEASES_DOWNLOAD = "releases_download"
    KEYS_REGISTER = "keys_register"
    KEYS_CONFIRM = "keys_confirm"
    LEDGER_SEE = "ledger_see"
    PLATFORM_SEE = "platform_see"


R = Role
ROLES_WITH: dict[Permission, frozenset[Role]] = {
    Permission.SIGN_IN_ONLY: frozenset(Role),
    Permission.ORGANISATIONS_MANAGE: frozenset({R.SYSTEM_ADMINISTRATOR}),
    Permission.USERS_MANAGE: frozenset({R.SYSTEM_ADMINISTRATOR}),
    Permission.ROLES_MANAGE: frozenset({R.SECURITY_ADMINISTRATOR}),
    Permission.PROJECTS_MANAGE: frozenset({R.SECURITY_ADMINISTRATOR}),
    Permission.PROJECTS_SEE: frozenset(Role),
    Permission.GRANTS_MANAGE: frozenset({R.STEWARD}),
    Permission.CONTRACTS_MANAGE: frozenset({R.STEWARD}),
    Permission.DATASETS_SEE: frozenset(Role),
    Permission.INTAKE_RUN: frozenset({R.STEWARD, R.DEPARTMENT_OFFICER}),
    Permission.CONSENTS_MANAGE: frozenset({R.STEWARD, R.DEPARTMENT_OFFICER}),
    Permission.COHORTS_UPLOAD: frozenset({R.SCIENTIST}),
    Permission.JOBS_SUBMIT: frozenset({R.SCIENTIST}),
    Permission.JOBS_SEE: frozenset(Role),
    Permission.JOBS_CANCEL: frozenset({R.SCIENTIST, R.STEWARD, R.DEPARTMENT_OFFICER}),
    Permission.JOBS_APPROVE: frozenset({R.BANK_APPROVER, R.COMPLIANCE_OFFICER}),
    Permission.RELEASES_REQUEST: frozenset({R.SCIENTIST}),
    Permission.RELEASES_SEE: frozenset({R.SCIENTIST, R.BANK_APPROVER, R.COMPLIANCE_OFFICER, R.AUDITOR}),
    Permission.RELEASES_REVIEW: frozenset({R.COMPLIANCE_OFFICER}),
    Permission.RELEASES_REVOKE: frozenset({R.COMPLIANCE_OFFICER}),
    Permission.RELEASES_DOWNLOAD: frozenset({R.SCIENTIST, R.BANK_APPROVER}),
    Permission.KEYS_REGISTER: frozenset({R.COMPLIANCE_OFFICER, R.BANK_APPROVER, R.SCIENTIST}),
    Permission.KEYS_CONFIRM: frozenset({R.SECURITY_ADMINISTRATOR, R.COMPLIANCE_OFFICER}),
    Permission.LEDGER_SEE: frozenset({R.AUDITOR, R.COMPLIANCE_OFFICER, R.SECURITY_ADMINISTRATOR}),
    Permission.PLATFORM_SEE: frozenset({R.SYSTEM_ADMINISTRATOR, R.SECURITY_ADMINISTRATOR, R.AUDITOR}),
}


def check_may(actor: Actor, permission: Permission) -> None:
    """Raises NotPermitted naming the permission and the roles that hold it. Who has no role yet may sign in and choose a password."""
    if permission is Permission.SIGN_IN_ONLY:
        return
    allowed = ROLES_WITH[permission]
    if not actor.roles & allowed:
        raise NotPermitted("permissions.role_missing", permission=permission, roles=", ".join(sorted(allowed)))


def check_belongs(actor: Actor, organisation_id: str, what: str, name: str) -> None:
    """A bank sees its own only. What belongs to another bank answers exactly like what does not exist."""
    if actor.organisation_kind is OrganisationKind.BANK and actor.organisation_id != organisation_id:
        raise NotFound("permissions.not_found", what=what, name=name)


def check_is_member(actor: Actor, project: Project) -> None:
    """Raises NotFound for another tenant's project, NotPermitted for a colleague who is no member."""
    check_belongs(actor, project.organisation_id, "project", project.id)
    if actor.organisation_kind is OrganisationKind.BANK and actor.user_id not in project.members:
        raise NotPermitted("permissions.not_member", project=project.name)


def check_owns_department(actor: Actor, department: str) -> None:
    """A department's people act on their own department's datasets; the operator's stewards act on all."""
    if actor.organisation_kind is OrganisationKind.DEPARTMENT and actor.organisation_id != department:
        raise NotPermitted("permissions.other_department", department=department)
    if actor.organisation_kind is OrganisationKind.BANK:
        raise NotPermitted("permissions.other_department", department=department)
