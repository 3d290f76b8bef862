"""Can a bank tell another bank's things from things that do not exist?"""

import pytest

from jobs.spec import JobSpec

JOB = {"spec": JobSpec("train", "credit_model").to_json(), "code": None}


def shape(answer, name, other):
    """Status and body, with the name that was asked for blanked."""
    return answer.status_code, answer.text.replace(name, other)


PATHS = [
    ("GET", "/projects/{}", "prj-bank_a", "bea", None),
    ("GET", "/projects/{}/grants", "prj-bank_a", "bea", None),
    ("GET", "/projects/{}/cohorts", "prj-bank_a", "bea", None),
    ("POST", "/projects/{}/cohorts?name=mine&dataset=firms", "prj-bank_a", "bea", b"sealed"),
    ("POST", "/projects/{}/jobs", "prj-bank_a", "bea", JOB),
    ("GET", "/jobs?project={}", "prj-bank_a", "bea", None),
    ("GET", "/jobs/{}", "job-a", "bea", None),
    ("POST", "/jobs/{}/cancel", "job-a", "bea", None),
    ("POST", "/jobs/{}/approve", "job-a", "ben", None),
    ("POST", "/jobs/{}/refuse", "job-a", "ben", None),
    ("POST", "/jobs/{}/releases", "job-a", "bea", {}),
    ("GET", "/releases/{}", "rel-a", "bea", None),
    ("POST", "/releases/{}/explain", "rel-a", "bea", {"reason": "because"}),
    ("POST", "/releases/{}/withdraw", "rel-a", "bea", None),
    ("GET", "/releases/{}/package", "rel-a", "bea", None),
]


@pytest.mark.parametrize(("method", "path", "theirs", "login", "body"), PATHS, ids=[f"{m} {p}" for m, p, *_ in PATHS])
def test_another_banks_thing_answers_exactly_like_one_that_is_not(signed_in, things, method, path, theirs, login, body):
    client = signed_in(login)
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    missing = theirs[:-1] + "z"
    foreign = client.request(method, path.format(theirs), **sent)
    absent = client.request(method, path.format(missing), **sent)
    assert foreign.status_code == 404
    assert shape(foreign, theirs, "?") == shape(absent, missing, "?")


@pytest.mark.parametrize("path", ["/projects", "/jobs", "/releases", "/models", "/keys"])
def test_lists_hold_nothing_of_another_bank(signed_in, things, path):
    answer = signed_in("bea").get(path)
    assert answer.status_code == 200
    assert "bank_a" not in answer.text
    assert "-a" not in answer.text


def test_a_bank_does_not_learn_which_other_banks_there_are(signed_in):
    assert [o["id"] for o in signed_in("bea").get("/organisations").json()] == ["TX", "bank_b", "operator"]


def test_a_project_may_be_called_by_its_name_within_the_own_bank(signed_in):
    assert signed_in("bea").get("/projects/sme_loans").json()["id"] == "prj-bank_b"
    assert signed_in("ann").get("/projects/sme_loans").json()["id"] == "prj-bank_a"


def test_a_colleague_who_is_no_member_is_told_so(signed_in, things):
    amy = signed_in("amy")
    for method, path, body in (("GET", "/projects/sme_loans/cohorts", None), ("POST", "/projects/sme_loans/jobs", JOB)):
        answer = amy.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "permissions.not_member")


def test_who_sees_what_of_a_job(signed_in, things):
    own, other, keeper = (signed_in(login).get("/jobs/job-a").json() for login in ("bob", "sue", "ada"))
    assert (own["step"], own["figures"], own["evidence"]) == ("credit_model", {}, None)
    assert {name for name, value in other.items() if value is not None} == {"id", "kind", "status"}
    assert keeper["evidence"] == {}


def test_an_author_sees_verdicts_and_advice_but_never_what_was_measured(signed_in, things):
    seen = signed_in("ann").get("/releases/rel-a").json()
    assert [(f["check"], f["verdict"], f["limit"], f["value"], f["evidence"]) for f in seen["findings"]] == [
        ("pure_leaf", "review", 0, None, None),
        ("smallest_leaf", "pass", 10, None, None),
    ]
    assert seen["files"] == {"model.txt": None}
    assert seen["reasons"] == {"pure_leaf": "each is a bank holiday"}


def test_a_reviewer_sees_the_evidence_and_the_ballot_names_the_same_files(signed_in, things):
    cai = signed_in("cai")
    seen = cai.get("/releases/rel-a").json()
    assert [(f["check"], f["value"], f["evidence"]) for f in seen["findings"]] == [
        ("pure_leaf", 2, {"rows": 14210}),
        ("smallest_leaf", 34, {"rows": 14210}),
    ]
    ballot = cai.get("/releases/rel-a/ballot").json()
    assert ballot["files"] == seen["files"] == {"model.txt": "a" * 64}
    assert ballot["check_report_hash"] == things["report_hash"]
