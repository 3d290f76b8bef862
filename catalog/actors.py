"""Who there is: organisations, users and their roles. Each user belongs to one organisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from catalog.errors import PolicyRefusal


class OrganisationKind(StrEnum):
    BANK = "bank"
    DEPARTMENT = "department"
    OPERATOR = "operator"


class Role(StrEnum):
    """What a person may be. The values are what commands and tables use."""

    STEWARD = "steward"
    DEPARTMENT_OFFICER = "department_officer"
    SCIENTIST = "scientist"
    BANK_APPROVER = "bank_approver"
    COMPLIANCE_OFFICER = "compliance_officer"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDITOR = "auditor"


# 三员分立: administration, security and audit are never one person.
SEPARATED = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR})

# What decides over releases, keys and roles, or looks at who did: never in the hand of who makes the accounts.
GIVEN_BY_SECURITY = frozenset({Role.SECURITY_ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.AUDITOR})
FIRST_SECURITY = frozenset({Role.SECURITY_ADMINISTRATOR})  # what one account may be made with, while nobody is there to give it

ROLES_OF_KIND = {
    OrganisationKind.BANK: frozenset({Role.SCIENTIST, Role.BANK_APPROVER}),
    OrganisationKind.DEPARTMENT: frozenset({Role.STEWARD, Role.DEPARTMENT_OFFICER, Role.COMPLIANCE_OFFICER}),
    OrganisationKind.OPERATOR: frozenset(Role) - {Role.SCIENTIST, Role.BANK_APPROVER, Role.DEPARTMENT_OFFICER},
}


@dataclass(frozen=True, slots=True)
class Organisation:
    id: str
    kind: OrganisationKind
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class User:
    id: str
    organisation_id: str
    login: str
    name: str
    roles: frozenset[Role]
    disabled: bool = False
    must_change_password: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts: a user with the organisation's kind at hand. What permissions and records are about."""

    user_id: str
    login: str
    organisation_id: str
    organisation_kind: OrganisationKind
    roles: frozenset[Role] = field(default_factory=frozenset)

    def has(self, *roles: Role) -> bool:
        return bool(self.roles.intersection(roles))


PLATFORM = Actor("platform", "platform", "operator", OrganisationKind.OPERATOR)
"""The platform itself, for steps no person takes: supervising, checking, signing."""


def check_roles_may_meet(kind: OrganisationKind, roles: frozenset[Role]) -> None:
    """Raises PolicyRefusal when one person would hold two separated duties, or a role foreign to the organisation's kind."""
    duties = roles & SEPARATED
    if len(duties) > 1:
        raise PolicyRefusal("actors.duties_not_separated", roles=", ".join(sorted(duties)))
    if SEPARATED & roles and Role.COMPLIANCE_OFFICER in roles and Role.AUDITOR in roles:
        raise PolicyRefusal("actors.duties_not_separated", roles=f"{Role.AUDITOR}, {Role.COMPLIANCE_OFFICER}")
    foreign = sorted(roles - ROLES_OF_KIND[kind])
    if foreign:
        raise PolicyRefusal("actors.role_foreign", role=foreign[0], kind=kind, allowed=", ".join(sorted(ROLES_OF_KIND[kind])))


def check_roles_at_creation(roles: frozenset[Role], security_administrators: int) -> None:
    """Raises PolicyRefusal for roles that who makes an account may not give with it; a security administrator gives them afterwards.

    A platform without a security administrator gets exactly one this way. Disabled ones count in ``security_administrators``: else
    disabling the one there is would open this door again.
    """
    guarded = roles & GIVEN_BY_SECURITY
    if guarded and (guarded != FIRST_SECURITY or security_administrators):
        raise PolicyRefusal("actors.role_given_later", roles=", ".join(sorted(guarded)))
