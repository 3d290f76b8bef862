"""WHO may act: one table, and another tenant's things answer like missing ones."""

import pytest

from catalog.actors import SEPARATED, Actor, OrganisationKind, Role
from catalog.errors import NotFound, NotPermitted
from catalog.permissions import ROLES_WITH, Permission, check_belongs, check_is_member, check_may, check_owns_department
from catalog.projects import Project

BANK, DEPARTMENT, OPERATOR = OrganisationKind.BANK, OrganisationKind.DEPARTMENT, OrganisationKind.OPERATOR


def actor(organisation="bank_a", kind=BANK, *roles):
    return Actor("user-1", "ann", organisation, kind, frozenset(roles))


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_held_by_some_role(permission):
    assert ROLES_WITH[permission]


def test_the_table_has_no_other_rows():
    assert set(ROLES_WITH) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_permission_is_exactly_its_row(permission, role):
    somebody = actor("operator", OPERATOR, role)
    if role in ROLES_WITH[permission]:
        check_may(somebody, permission)
        return
    with pytest.raises(NotPermitted) as refused:
        check_may(somebody, permission)
    assert permission in refused.value.text()


def test_may_somebody_without_a_role_yet_sign_in_and_choose_a_password():
    check_may(actor(), Permission.SIGN_IN_ONLY)


@pytest.mark.parametrize("permission", set(Permission) - {Permission.SIGN_IN_ONLY})
def test_nobody_without_a_role_may_do_anything_else(permission):
    with pytest.raises(NotPermitted):
        check_may(actor(), permission)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Permission.RELEASES_REQUEST, Permission.RELEASES_REVIEW),
        (Permission.JOBS_SUBMIT, Permission.JOBS_APPROVE),
        (Permission.USERS_MANAGE, Permission.ROLES_MANAGE),
        (Permission.USERS_MANAGE, Permission.LEDGER_SEE),
    ],
)
def test_one_role_never_holds_both_sides_of_a_control(one, other):
    assert not ROLES_WITH[one] & ROLES_WITH[other]


def test_no_administrator_reviews_or_downloads():
    for permission in (Permission.RELEASES_REVIEW, Permission.RELEASES_DOWNLOAD, Permission.JOBS_SUBMIT):
        assert not ROLES_WITH[permission] & SEPARATED


def test_another_banks_thing_answers_like_a_missing_one():
    missing = NotFound("permissions.not_found", what="job", name="job-7")
    with pytest.raises(NotFound) as refused:
        check_belongs(actor("bank_b"), "bank_a", "job", "job-7")
    assert (refused.value.code, refused.value.params, refused.value.status) == (missing.code, missing.params, missing.status)
    assert refused.value.text("zh") == missing.text("zh")


def test_a_banks_own_things_and_the_operators_view_are_open():
    check_belongs(actor("bank_a"), "bank_a", "job", "job-7")
    check_belongs(actor("operator", OPERATOR), "bank_a", "job", "job-7")


def test_a_colleague_who_is_no_member_is_told_so_a_stranger_is_not():
    project = Project("p", "bank_a", "sme", "use", "law", "pia", "s", None, members=frozenset({"user-2"}))
    with pytest.raises(NotPermitted) as refused:
        check_is_member(actor("bank_a"), project)
    assert refused.value.code == "permissions.not_member"
    with pytest.raises(NotFound):
        check_is_member(actor("bank_b"), project)


def test_a_department_acts_on_its_own_datasets_a_bank_on_none():
    check_owns_department(actor("TX", DEPARTMENT, Role.STEWARD), "TX")
    check_owns_department(actor("operator", OPERATOR, Role.STEWARD), "TX")
    for stranger in (actor("HR", DEPARTMENT, Role.STEWARD), actor("bank_a"), actor("TX", BANK)):
        with pytest.raises(NotPermitted):
            check_owns_department(stranger, "TX")
