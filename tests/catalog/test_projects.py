"""A project and its grants: no live project, no job; no live grant, no field."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog import clock
from catalog.actors import PLATFORM
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.projects import Grant, check_fields_are_granted, check_project_is_live
from catalog.store import projects

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENTRY = Entry.by(PLATFORM, "test.step", "test-1")


def grant(dataset, fields, days=30, revoked=None, name="grant-1"):
    return Grant(name, "project-1", dataset, frozenset(fields.split()), NOW + timedelta(days=days), revoked)


@pytest.mark.parametrize(
    ("grants", "wanted", "missing"),
    [
        ([], {"tax": {"paid"}}, "tax.paid"),
        ([grant("tax", "paid")], {"tax": {"paid"}}, None),
        ([grant("tax", "paid")], {"tax": {"paid", "owed"}}, "tax.owed"),
        ([grant("tax", "paid"), grant("tax", "owed")], {"tax": {"paid", "owed"}}, None),
        ([grant("tax", "paid", days=0)], {"tax": {"paid"}}, "tax.paid"),
        ([grant("tax", "paid", revoked=NOW)], {"tax": {"paid"}}, "tax.paid"),
        ([grant("tax", "paid")], {"power": {"paid"}}, "power.paid"),
        ([grant("tax", "paid")], {}, None),
    ],
)
def test_which_field_is_not_granted(project, grants, wanted, missing):
    if missing is None:
        check_fields_are_granted(project, grants, wanted, NOW)
        return
    with pytest.raises(PolicyRefusal) as refused:
        check_fields_are_granted(project, grants, wanted, NOW)
    assert refused.value.code == "projects.field_not_granted"
    assert missing in refused.value.text()


def test_a_closed_or_expired_project_takes_no_work(project):
    check_project_is_live(project, project.expires_at - timedelta(seconds=1))
    for dead, code in ((replace(project, closed_at=NOW), "projects.closed"), (replace(project, expires_at=NOW), "projects.expired")):
        with pytest.raises(PolicyRefusal) as refused:
            check_project_is_live(dead, NOW)
        assert refused.value.code == code


def test_a_stored_project_reads_back_equal(database, project):
    with database.reading() as tx:
        assert projects.project_by_id(tx, project.id) == project
        assert projects.project_by_name(tx, "bank_a", "sme_loans") == project


def test_a_bank_sees_its_own_projects_the_operator_all(database, project, people):
    with database.reading() as tx:
        seen = {login: [p.name for p in projects.projects_visible_to(tx, people[login])] for login in ("ann", "bea", "cai")}
    assert seen == {"ann": ["sme_loans"], "bea": [], "cai": ["sme_loans"]}


def test_two_banks_may_use_one_name_a_bank_uses_it_once(database, project, people):
    with database.transaction() as tx:
        projects.add_project(tx, replace(project, id="project-2", organisation_id="bank_b", members=frozenset()), record=ENTRY)
    with pytest.raises(BadInput) as refused, database.transaction() as tx:
        projects.add_project(tx, replace(project, id="project-3"), record=ENTRY)
    assert refused.value.code == "projects.name_taken"


def test_another_banks_person_cannot_be_a_member(database, project, people):
    foreign = replace(project, id="project-4", name="other", members=frozenset({people["bea"].user_id}))
    with pytest.raises(BadInput) as refused, database.transaction() as tx:
        projects.add_project(tx, foreign, record=ENTRY)
    assert refused.value.code == "projects.member_foreign"
    with database.reading() as tx, pytest.raises(NotFound):
        projects.project_by_id(tx, "project-4")


def test_closing_is_kept_and_an_unknown_project_cannot_be_closed(database, project):
    at = clock.now()
    with database.transaction() as tx:
        projects.close_project(tx, project.id, at, record=ENTRY)
        assert projects.project_by_id(tx, project.id).closed_at == at
    with pytest.raises(NotFound), database.transaction() as tx:
        projects.close_project(tx, "project-9", at, record=ENTRY)


def test_a_grant_is_kept_and_ends_when_revoked(database, project):
    given = grant("tax", "paid owed", days=400)
    with database.transaction() as tx:
        projects.add_grant(tx, given, "tom", record=ENTRY)
    with database.transaction() as tx:
        assert projects.grants_of(tx, project.id) == [given] == [projects.grant_by_id(tx, given.id)]
        projects.revoke_grant(tx, given.id, record=ENTRY)
        assert projects.grant_by_id(tx, given.id).revoked_at is not None
    with pytest.raises(NotFound), database.transaction() as tx:
        projects.revoke_grant(tx, "grant-9", record=ENTRY)
