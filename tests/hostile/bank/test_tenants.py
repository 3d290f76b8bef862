"""One bank against another's things, on the whole platform: nothing of theirs can be told from things that do not exist."""

import hashlib
import secrets
import sqlite3
from contextlib import closing

import pytest

from catalog.errors import GloveboxError, NotFound, NotPermitted, NotSignedIn, PolicyRefusal

# What Bank B's people ask: method, address with the id's kind, who asks, body.
ROUTES = [
    ("GET", "/projects/{project}", "scientist_b", None),
    ("GET", "/projects/{project}/grants", "scientist_b", None),
    ("GET", "/projects/{project}/cohorts", "approver_b", None),
    ("POST", "/projects/{project}/cohorts?name=mine&dataset=mr_enterprise_base", "scientist_b", b"sealed"),
    ("POST", "/projects/{project}/jobs", "scientist_b", {"spec": {"kind": "train", "step": "fit"}, "code": None}),
    ("POST", "/projects/{project}/close", "scientist_b", None),
    ("GET", "/jobs?project={project}", "scientist_b", None),
    ("GET", "/jobs/{job}", "scientist_b", None),
    ("GET", "/jobs/{match_job}", "scientist_b", None),
    ("GET", "/jobs/{check_job}", "scientist_b", None),
    ("POST", "/jobs/{job}/cancel", "scientist_b", None),
    ("POST", "/jobs/{job}/approve", "approver_b", None),
    ("POST", "/jobs/{job}/refuse", "approver_b", None),
    ("POST", "/jobs/{job}/releases", "scientist_b", {}),
    ("GET", "/releases/{release}", "scientist_b", None),
    ("GET", "/releases/{release}/ballot", "scientist_b", None),
    ("POST", "/releases/{release}/explain", "scientist_b", {"reason": "because"}),
    ("POST", "/releases/{release}/resubmit", "scientist_b", {"reason": "because"}),
    ("POST", "/releases/{release}/withdraw", "scientist_b", None),
    ("POST", "/releases/{release}/revoke", "approver_b", {"reason": "because"}),
    ("GET", "/releases/{release}/package", "approver_b", None),
    ("POST", "/keys/{key}/confirm", "approver_b", {"fingerprint": "a" * 40}),
    ("DELETE", "/grants/{grant}", "scientist_b", None),
]
LISTS = ("/projects", "/jobs", "/releases", "/models", "/keys", "/projects/bank_b_credit_lines/cohorts")


@pytest.fixture(scope="module")
def theirs(prepared, approved):
    """Bank A's ids, by kind."""
    scientist, project = prepared.client("scientist_a"), approved["release"]["project_id"]
    cohort = next(c for c in scientist.cohorts(project) if c["name"] == "bank_a_cohort")
    with closing(sqlite3.connect(prepared.world.home / "glovebox.db")) as database:
        (check,) = database.execute("SELECT check_job FROM releases WHERE id = ?", (approved["release"]["id"],)).fetchone()
    return {
        "project": project,
        "job": approved["job"]["id"],
        "match_job": cohort["job_id"],
        "check_job": check,
        "cohort": cohort["id"],
        "release": approved["release"]["id"],
        "model": approved["model"]["id"],
        "key": prepared.world.keys["approver_a"].key_id,
        "grant": scientist.grants(project)[0]["id"],
    }


def like(name):
    """An id of the same shape that is nobody's."""
    kind, dash, rest = name.rpartition("-")
    return kind + dash + secrets.token_hex(len(rest))[: len(rest)]


@pytest.mark.parametrize(("method", "path", "login", "body"), ROUTES, ids=[f"{m} {p}" for m, p, *_ in ROUTES])
def test_another_banks_id_answers_like_a_random_one(prepared, theirs, method, path, login, body):
    (kind,) = [kind for kind in theirs if f"{{{kind}}}" in path]
    known, random = theirs[kind], like(theirs[kind])
    sent = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    with prepared.http(login) as http:
        foreign, absent = (http.request(method, path.format(**{kind: name}), **sent) for name in (known, random))
    assert foreign.status_code in (403, 404)
    assert (foreign.status_code, foreign.text.replace(known, "?")) == (absent.status_code, absent.text.replace(random, "?"))


@pytest.mark.parametrize("path", LISTS)
def test_lists_name_nothing_of_another_bank(prepared, theirs, path):
    with prepared.http("scientist_b") as http:
        answer = http.get(path)
    assert answer.status_code == 200
    assert not [kind for kind, name in theirs.items() if name in answer.text]
    assert "bank_a" not in answer.text


def refusal_of(act):
    with pytest.raises(GloveboxError) as refused:
        act()
    return refused.value


def test_another_banks_model_and_cohort_cannot_be_named_in_a_spec(prepared, front_door, theirs):
    """Refused as for a model and a cohort that never were; nothing runs."""
    for mine, random in (
        (front_door.spec_score(theirs["model"], "bank_b_cohort"), front_door.spec_score(like(theirs["model"]), "bank_b_cohort")),
        (front_door.spec_train("bank_a_cohort"), front_door.spec_train("bank_z_cohort")),
        (front_door.spec_train(theirs["cohort"]), front_door.spec_train(like(theirs["cohort"]))),
    ):
        found, absent = (refusal_of(lambda spec=spec: prepared.start("b", spec)) for spec in (mine, random))
        assert isinstance(found, NotFound)
        assert (found.code, found.params["what"]) == (absent.code, absent.params["what"])
        newest = prepared.client("scientist_b").jobs()[0]
        assert (newest["status"], newest["attempt"]) == ("refused", 0)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "stolen", "expired"])
def test_only_a_live_token_opens_a_door(prepared, token):
    """A token that was signed out, one whose time is over, and three that never were."""
    if token in ("stolen", "expired"):
        visitor = prepared.world.visitor()
        visitor.sign_in("scientist_b", prepared.world.passwords["scientist_b"])
        assert visitor.who_am_i()["user"]["login"] == "scientist_b"
        live = visitor._wire.token
        if token == "stolen":
            visitor.sign_out()
        else:
            end_sessions_of(prepared, live)
        token = live
    thief = prepared.world.visitor()
    thief._wire.token = token
    for act in (thief.projects, thief.jobs, lambda: thief.submit("bank_b_credit_lines", {"kind": "train", "step": "fit"})):
        assert isinstance(refusal_of(act), NotSignedIn)


def end_sessions_of(prepared, token):
    with closing(sqlite3.connect(prepared.world.home / "glovebox.db", timeout=30)) as database:
        digest = hashlib.sha256(token.encode()).hexdigest()
        changed = database.execute("UPDATE sessions SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE token_hash = ?", (digest,))
        assert changed.rowcount == 1
        database.commit()


def test_a_project_that_ended_takes_nothing_more(prepared, front_door):
    client, project = prepared.client("scientist_a"), prepared.expired_project
    sealed = prepared.seal("row_id,uscc,observation_date\n")
    for act in (
        lambda: client.submit(project, front_door.spec_train("bank_a_cohort").to_json()),
        lambda: client.upload_cohort(project, "late", "mr_enterprise_base", sealed),
        lambda: prepared.client("steward").add_grant(project, "mr_enterprise_base", ["*"], "2030-01-01"),
    ):
        assert refusal_of(act).code == "projects.expired"


@pytest.mark.parametrize("fields", [["uscc"], ["ent_name"], ["legal_rep_id"], ["biz_status", "legal_rep_name"]], ids=" ".join)
def test_fields_that_identify_cannot_be_granted(prepared, fields):
    steward, project = prepared.client("steward"), prepared.client("scientist_b").projects()[0]["id"]
    before = len(steward.grants(project))
    assert refusal_of(lambda: steward.add_grant(project, "mr_enterprise_base", fields, "2030-01-01")).code == "gateway.grant_refused"
    assert len(steward.grants(project)) == before


def test_what_is_known_only_after_the_outcome_is_refused_at_submission_with_its_reason(prepared, front_door):
    contract = front_door.ROOT / "examples" / "sba" / "contracts" / "sba_applications.yaml"
    prepared.client("steward").put_contract("sba_applications", contract.read_bytes())
    spec = front_door.spec_train("bank_b_cohort").to_json()
    spec["inputs"]["features"] = ["sales_12m", "ChgOffDate"]
    refused = refusal_of(lambda: prepared.client("scientist_b").submit("bank_b_credit_lines", spec))
    assert isinstance(refused, PolicyRefusal)
    assert refused.code == "features.after_outcome"
    assert "charged off" in refused.text()
    kept = prepared.client("scientist_b").jobs()[0]
    assert (kept["status"], kept["why"]["code"]) == ("refused", "features.after_outcome")


def test_a_revoked_grant_ends_what_it_allowed(prepared, front_door):
    steward, project = prepared.client("steward"), prepared.client("scientist_b").projects()[0]["id"]
    grant = next(g for g in steward.grants(project) if g["dataset"] == "pw_electricity_monthly")
    steward.revoke_grant(grant["id"])
    refused = refusal_of(lambda: prepared.start("b", front_door.spec_train("bank_b_cohort")))
    assert (refused.code, refused.params["dataset"]) == ("projects.field_not_granted", "pw_electricity_monthly")
    steward.add_grant(project, "pw_electricity_monthly", ["*"], "2030-01-01")
    assert prepared.run("b", front_door.spec_train("bank_b_cohort"))["status"] == "succeeded"


def test_a_rate_against_anything_but_the_public_register_is_refused(prepared):
    """How many of a list are in the courts' table would tell who is."""
    client = prepared.client("scientist_b")
    sealed = prepared.seal(prepared.paths["bank_b_cohort"].read_bytes())
    refused = refusal_of(lambda: client.upload_cohort("bank_b_credit_lines", "debtors", "ct_enforcement", sealed))
    assert (refused.code, refused.status) == ("cohort.not_a_register", 409)
    assert "debtors" not in [c["name"] for c in client.cohorts("bank_b_credit_lines")]


def test_an_officer_cannot_be_appointed_inside_a_bank(prepared):
    body = {"login": "own_officer", "name": "own", "organisation_id": "bank_a", "roles": ["compliance_officer"]}
    assert refusal_of(lambda: prepared.client("admin").add_user(body)).status == 409
    refused = refusal_of(lambda: prepared.client("security").set_roles("approver_a", ["bank_approver", "compliance_officer"]))
    assert refused.status in (403, 409)
    assert not isinstance(refused, NotPermitted) or refused.code != "permissions.role_missing"
