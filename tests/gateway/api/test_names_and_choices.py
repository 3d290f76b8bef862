"""May people use the names they know, and does a refusal of a wrong word say the right ones?"""

import pytest
from sqlalchemy import update

from catalog.errors import BadInput, NotFound
from catalog.tables import projects
from gateway.api.lookups import project_named


def rename(tx, project_id, name):
    tx.execute(update(projects).where(projects.c.id == project_id).values(name=name))


def test_a_steward_may_name_a_project_by_a_name_that_only_one_has(platform, actor):
    with platform.database.transaction() as tx:
        rename(tx, "prj-bank_a", "loans")
        rename(tx, "prj-bank_b", "others")
        assert project_named(tx, actor("tom"), "loans").id == "prj-bank_a"
        assert project_named(tx, actor("tom"), "prj-bank_b").name == "others"
        with pytest.raises(NotFound):
            project_named(tx, actor("bea"), "loans")


def test_a_name_of_two_projects_asks_for_the_id_and_a_bank_has_its_own(platform, actor):
    with platform.database.transaction() as tx:
        rename(tx, "prj-bank_a", "loans")
        rename(tx, "prj-bank_b", "loans")
        with pytest.raises(BadInput) as refusal:
            project_named(tx, actor("tom"), "loans")
        assert refusal.value.code == "projects.name_shared"
        assert project_named(tx, actor("bea"), "loans").id == "prj-bank_b"


def test_a_wrong_role_or_kind_is_answered_with_the_right_ones_and_without_itself(signed_in):
    body = {"id": "x1", "kind": "canary_kind", "name_zh": "x", "name_en": "x"}
    answer = signed_in("sam").post("/organisations", json=body)
    assert answer.status_code == 422
    assert "one of: bank, department, operator" in answer.json()["detail"]
    assert "canary_kind" not in answer.text
