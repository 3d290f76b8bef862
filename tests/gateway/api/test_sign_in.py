"""Can somebody without the right password learn or do anything? Can somebody with it be shut out or shut themselves out?"""

from datetime import timedelta

import pytest

from catalog import clock
from catalog.ledger.record import read_record
from catalog.store import ledger
from gateway import auth

PASSWORD = "correct horse battery"
NEW = "another long password"


def try_in(client, login, password=PASSWORD):
    return client.post("/session", json={"login": login, "password": password})


def test_the_right_password_opens_a_session_of_twelve_hours(anybody):
    before = clock.now()
    answer = try_in(anybody, "ann").json()
    lasts = clock.from_iso(answer["expires_at"]) - before
    assert timedelta(hours=12) <= lasts < timedelta(hours=12, minutes=1)
    assert answer["user"] == {"id": "user-ann", "login": "ann", "name": "Ann", "organisation_id": "bank_a", "roles": ["scientist"]}
    assert answer["must_change_password"] is False


def test_a_wrong_login_and_a_wrong_password_answer_alike(anybody):
    wrong_password = try_in(anybody, "ann", "not it at all")
    wrong_login = try_in(anybody, "nobody")
    assert (wrong_password.status_code, wrong_password.json()) == (wrong_login.status_code, wrong_login.json())
    assert wrong_login.status_code == 401


def test_five_wrong_passwords_lock_the_account_and_the_right_one_answers_the_same(anybody, platform):
    answers = [try_in(anybody, "ann", "not it at all") for _ in range(5)]
    locked = try_in(anybody, "ann")
    assert locked.status_code == 401
    assert locked.json() == answers[0].json()
    assert try_in(anybody, "amy").status_code == 200
    with platform.database.reading() as tx:
        newest = [read_record(r.canonical) for r in ledger.recent(tx, object_name="user-ann")]
    assert [(r["action"], r["actor"]) for r in newest] == [("user.lock", "platform"), ("user.add", "platform")]


def test_a_lock_ends_after_fifteen_minutes(anybody, monkeypatch):
    for _ in range(5):
        try_in(anybody, "ann", "not it at all")
    later = clock.now() + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert try_in(anybody, "ann").status_code == 200


def test_a_right_password_in_between_starts_the_count_again(anybody):
    for _ in range(2):
        for _ in range(4):
            try_in(anybody, "ann", "not it at all")
        assert try_in(anybody, "ann").status_code == 200


def test_a_session_ends_when_its_time_is_over(signed_in, monkeypatch):
    ann = signed_in("ann")
    assert ann.get("/session").status_code == 200
    later = clock.now() + auth.SESSION_LASTS + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert ann.get("/session").json()["code"] == "gateway.not_signed_in"


def test_a_session_ends_by_signing_out(signed_in):
    ann = signed_in("ann")
    assert ann.delete("/session").status_code == 204
    assert ann.get("/session").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é"])
def test_a_made_up_token_is_nobody(anybody, token):
    answer = anybody.get("/session", headers={"Authorization": f"Bearer {token}".encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "gateway.not_signed_in")


def test_a_token_and_a_password_stand_nowhere_in_the_database(anybody, platform):
    token = try_in(anybody, "ann").json()["token"]
    stored = b"".join(path.read_bytes() for path in platform.settings.home.glob("glovebox.db*"))
    assert token.encode() not in stored
    assert PASSWORD.encode() not in stored
    assert b"$argon2id$" in stored


def test_a_password_given_by_somebody_else_must_be_changed_before_anything(anybody, signed_in, first):
    admin = signed_in(first.login, first.password)
    refused = admin.get("/users")
    assert (refused.status_code, refused.json()["code"]) == (403, "gateway.change_password_first")
    changed = admin.post("/session/password", json={"old": first.password, "new": NEW})
    assert changed.status_code == 200
    assert admin.get("/users").status_code == 401, "a change of password ends all sessions"
    assert anybody.get("/users", headers={"Authorization": f"Bearer {changed.json()['token']}"}).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (PASSWORD, "short", "gateway.password_too_short"),
        (PASSWORD, PASSWORD, "gateway.password_unchanged"),
        (PASSWORD, "my name is ann!", "gateway.password_is_login"),
        ("not it at all", NEW, "gateway.sign_in_failed"),
    ],
)
def test_a_new_password_is_refused_with_its_reason(signed_in, old, new, code):
    assert signed_in("ann").post("/session/password", json={"old": old, "new": new}).json()["code"] == code


def test_guessing_the_old_password_locks_too(signed_in, anybody):
    ann = signed_in("ann")
    for _ in range(5):
        ann.post("/session/password", json={"old": "not it at all", "new": NEW})
    assert try_in(anybody, "ann").status_code == 401


def test_a_new_user_gets_a_one_time_password_shown_once(signed_in):
    body = {"login": "zoe", "name": "Zoe", "organisation_id": "bank_a", "roles": ["scientist"]}
    created = signed_in("sam").post("/users", json=body).json()
    zoe = signed_in("zoe", created["one_time_password"])
    assert zoe.get("/session").json()["must_change_password"] is True


@pytest.mark.parametrize("role", ["security_administrator", "compliance_officer", "auditor"])
def test_can_a_system_administrator_make_an_officer_alone(signed_in, role):
    sam, sid = signed_in("sam"), signed_in("sid")
    body = {"login": "zoe", "name": "Zoe", "organisation_id": "operator", "roles": [role]}
    refused = sam.post("/users", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "actors.role_given_later")
    assert sam.put("/users/sid/disabled", json={"disabled": True}).status_code == 200
    assert sam.post("/users", json=body).json()["code"] == "actors.role_given_later", "nor by disabling who gives roles"
    assert sam.put("/users/sid/disabled", json={"disabled": False}).status_code == 200
    assert sid.get("/session").status_code == 401
    one_time = sam.post("/users", json={**body, "roles": []}).json()["one_time_password"]
    assert sam.put("/users/zoe/roles", json={"roles": [role]}).status_code == 403
    zoe = signed_in("zoe", one_time)
    assert zoe.post("/session/password", json={"old": one_time, "new": NEW}).status_code == 200, "before any role was given"
    assert signed_in("sid").put("/users/zoe/roles", json={"roles": [role]}).json()["roles"] == [role]


def test_what_may_somebody_without_a_role_do(signed_in):
    body = {"login": "zoe", "name": "Zoe", "organisation_id": "bank_a", "roles": [], "password": NEW}
    assert signed_in("sam").post("/users", json=body).status_code == 201
    zoe = signed_in("zoe", NEW)
    assert zoe.get("/session").json()["user"]["roles"] == []
    assert {zoe.get(path).status_code for path in ("/users", "/projects", "/datasets", "/jobs", "/releases", "/ledger")} == {403}


def test_is_a_disabled_person_out_at_once_and_back_when_enabled(signed_in, anybody, platform):
    ann, sam = signed_in("ann"), signed_in("sam")
    assert sam.put("/users/ann/disabled", json={"disabled": True}).json()["disabled"] is True
    assert ann.get("/session").status_code == 401
    assert try_in(anybody, "ann").json() == try_in(anybody, "nobody").json()
    assert sam.put("/users/ann/disabled", json={"disabled": False}).json()["disabled"] is False
    assert ann.get("/session").status_code == 401, "what was ended stays ended"
    assert try_in(anybody, "ann").status_code == 200
    with platform.database.reading() as tx:
        actions = [read_record(r.canonical)["action"] for r in ledger.recent(tx, object_name="user-ann")]
    assert [action for action in actions if action in ("user.disable", "user.enable")] == ["user.enable", "user.disable"]


@pytest.mark.parametrize(
    ("login", "whom", "status"), [("sam", "sam", 409), ("sid", "ann", 403), ("ann", "bea", 403), ("sam", "nobody", 404)]
)
def test_who_may_disable_whom(signed_in, login, whom, status):
    assert signed_in(login).put(f"/users/{whom}/disabled", json={"disabled": True}).status_code == status


def test_roles_that_may_not_meet_are_refused(signed_in):
    answer = signed_in("sid").put("/users/sam/roles", json={"roles": ["system_administrator", "auditor"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "actors.duties_not_separated")
