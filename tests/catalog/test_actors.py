"""Who may hold which roles, and what signing in leaves behind."""

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import clock
from catalog.actors import (
    GIVEN_BY_SECURITY,
    PLATFORM,
    ROLES_OF_KIND,
    SEPARATED,
    OrganisationKind,
    Role,
    User,
    check_roles_at_creation,
    check_roles_may_meet,
)
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import actors

OPERATOR, BANK, DEPARTMENT = OrganisationKind.OPERATOR, OrganisationKind.BANK, OrganisationKind.DEPARTMENT
ENTRY = Entry.by(PLATFORM, "test.step", "test-1")


@pytest.mark.parametrize("pair", list(combinations(sorted(SEPARATED), 2)))
def test_administration_security_and_audit_are_never_one_person(pair):
    with pytest.raises(PolicyRefusal) as refused:
        check_roles_may_meet(OPERATOR, frozenset(pair))
    assert refused.value.code == "actors.duties_not_separated"


def test_who_audits_does_not_review():
    with pytest.raises(PolicyRefusal):
        check_roles_may_meet(OPERATOR, frozenset({Role.AUDITOR, Role.COMPLIANCE_OFFICER}))


@given(st.sampled_from(OrganisationKind), st.frozensets(st.sampled_from(Role)))
def test_a_permitted_set_of_roles_is_of_its_kind_and_holds_one_separated_duty_at_most(kind, roles):
    try:
        check_roles_may_meet(kind, roles)
    except PolicyRefusal:
        return
    assert roles <= ROLES_OF_KIND[kind]
    assert len(roles & SEPARATED) <= 1
    assert not {Role.AUDITOR, Role.COMPLIANCE_OFFICER} <= roles


@pytest.mark.parametrize(
    ("kind", "role"),
    [(BANK, Role.COMPLIANCE_OFFICER), (BANK, Role.STEWARD), (DEPARTMENT, Role.SCIENTIST), (OPERATOR, Role.SCIENTIST)],
)
def test_a_role_stays_with_its_kind_of_organisation(kind, role):
    with pytest.raises(PolicyRefusal) as refused:
        check_roles_may_meet(kind, frozenset({role}))
    assert refused.value.code == "actors.role_foreign"
    assert role in refused.value.text()


def test_every_role_exists_somewhere():
    assert frozenset().union(*ROLES_OF_KIND.values()) == frozenset(Role)


def test_a_person_cannot_be_given_a_second_duty_later(database, people):
    both = frozenset({Role.SECURITY_ADMINISTRATOR, Role.AUDITOR})
    with pytest.raises(PolicyRefusal), database.transaction() as tx:
        actors.set_roles(tx, people["sid"].user_id, both, record=ENTRY)
    with database.reading() as tx:
        assert actors.user_by_login(tx, "sid").roles == {Role.SECURITY_ADMINISTRATOR}


def test_a_login_belongs_to_one_person(database, people):
    with pytest.raises(BadInput) as refused, database.transaction() as tx:
        actors.add_user(tx, User("user-x", "bank_b", "ann", "Ann", frozenset()), "hash", record=ENTRY)
    assert refused.value.code == "actors.login_taken"
    with database.reading() as tx:
        assert actors.user_by_login(tx, "ann").organisation_id == "bank_a"


def test_an_organisation_is_added_once(database, people):
    with database.reading() as tx:
        known = actors.organisation(tx, "bank_a")
    with pytest.raises(BadInput) as refused, database.transaction() as tx:
        actors.add_organisation(tx, known, record=ENTRY)
    assert refused.value.code == "actors.organisation_exists"


def test_a_user_of_an_unknown_organisation_is_refused(database):
    with pytest.raises(NotFound), database.transaction() as tx:
        actors.add_user(tx, User("user-x", "nowhere", "x", "X", frozenset()), "hash", record=ENTRY)


def test_a_session_ends_by_time_by_signing_out_and_by_a_new_password(database, people):
    now = clock.now()
    user_id = people["ann"].user_id
    with database.transaction() as tx:
        for token in ("a" * 64, "b" * 64, "c" * 64):
            actors.open_session(tx, token, user_id, now + timedelta(hours=1), record=ENTRY)

    def live(token, at=now):
        with database.reading() as tx:
            return actors.session_user(tx, token * 64, at) is not None

    assert live("a")
    assert not live("a", now + timedelta(hours=1))
    assert not live("d")
    with database.transaction() as tx:
        actors.close_session(tx, "b" * 64, record=ENTRY)
    assert (live("a"), live("b"), live("c")) == (True, False, True)
    with database.transaction() as tx:
        actors.set_password(tx, user_id, "new hash", record=ENTRY)
    assert (live("a"), live("b"), live("c")) == (False, False, False)


FIRST, OFFICER, AUDITOR, STEWARD = Role.SECURITY_ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.AUDITOR, Role.STEWARD


@pytest.mark.parametrize(
    ("roles", "security_administrators", "given"),
    [
        ({FIRST}, 0, True),
        ({FIRST}, 1, False),
        ({OFFICER}, 0, False),
        ({AUDITOR}, 0, False),
        ({FIRST, OFFICER}, 0, False),
        ({STEWARD, OFFICER}, 1, False),
        ({STEWARD}, 0, True),
        ({STEWARD}, 1, True),
        (set(), 1, True),
    ],
)
def test_which_roles_may_who_makes_accounts_give_with_one(roles, security_administrators, given):
    if given:
        check_roles_at_creation(frozenset(roles), security_administrators)
        return
    with pytest.raises(PolicyRefusal) as refused:
        check_roles_at_creation(frozenset(roles), security_administrators)
    assert refused.value.params["roles"] == ", ".join(sorted(roles & GIVEN_BY_SECURITY))
    assert "glovebox user roles" in refused.value.text()


def test_what_does_disabling_somebody_end_and_what_not(database, people):
    user_id = people["sid"].user_id
    with database.transaction() as tx:
        actors.open_session(tx, "a" * 64, user_id, clock.now() + timedelta(hours=1), record=ENTRY)
        actors.disable_user(tx, user_id, True, record=ENTRY)
        assert actors.session_user(tx, "a" * 64, clock.now()) is None
        assert actors.user_by_id(tx, user_id).roles == {Role.SECURITY_ADMINISTRATOR}
        assert actors.holders_of(tx, Role.SECURITY_ADMINISTRATOR) == 1, "a disabled one still counts"
        actors.disable_user(tx, user_id, False, record=ENTRY)
        assert not actors.user_by_id(tx, user_id).disabled
        assert actors.session_user(tx, "a" * 64, clock.now()) is None, "an ended session stays ended"


def test_failed_sign_ins_are_counted_and_lock_for_a_while(database, people):
    until = clock.now() + timedelta(minutes=5)
    with database.transaction() as tx:
        actors.count_failed_sign_in(tx, people["ann"].user_id, 5, until)
        found = actors.credentials(tx, people["ann"].user_id)
    assert (found.failed_sign_ins, found.locked_until) == (5, until)
    assert "hash" not in repr(found)
