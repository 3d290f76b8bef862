"""Jobs, cohorts and batches over HTTP, through the real mailbox into the real data zone (nothing runs here: no supervisor is up)."""

from pathlib import Path

import pytest

from catalog.actors import PLATFORM
from catalog.ledger.record import Entry
from gateway.data_zone.jobs import MOST_COHORTS
from sandbox.store import cohorts

PROVINCE = Path(__file__).parents[3] / "examples" / "province"
REGISTER = "mr_enterprise_base"


@pytest.fixture
def register(signed_in):
    answer = signed_in("sue").put(f"/datasets/{REGISTER}", content=(PROVINCE / "contracts" / f"{REGISTER}.yaml").read_bytes())
    assert answer.status_code == 200, answer.text


def upload(client, **query):
    return client.post("/projects/sme_loans/cohorts", params={"name": "mine", "dataset": REGISTER} | query, content=b"sealed")


def test_an_uploaded_cohort_is_listed_and_its_job_says_what_it_waits_for(register, signed_in):
    ann = signed_in("ann")
    started = upload(ann).json()
    listed = ann.get("/projects/sme_loans/cohorts").json()
    assert [(c["id"], c["name"], c["version"], c["status"], c["rows"]) for c in listed] == [
        (started["cohort_id"], "mine", 1, "received", None)
    ]
    job = ann.get(f"/jobs/{started['job_id']}").json()
    assert (job["kind"], job["status"], job["why"]["code"]) == ("match", "queued", "jobs.waiting_for_supervisor")
    assert "调度" in job["why"]["text_zh"]


def test_a_waiting_job_is_cancelled_by_a_member_only(register, signed_in):
    job_id = upload(signed_in("ann")).json()["job_id"]
    assert signed_in("amy").post(f"/jobs/{job_id}/cancel").json()["code"] == "permissions.not_member"
    assert signed_in("ann").post(f"/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    again = signed_in("ann").post(f"/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "lifecycle.ended")


@pytest.mark.parametrize(
    ("query", "status"),
    [({"name": "No Name"}, 422), ({"dataset": "none_such"}, 404), ({"dataset": "../x"}, 422)],
)
def test_a_cohort_is_refused_for_a_bad_name_or_an_unknown_register(register, signed_in, query, status):
    assert upload(signed_in("ann"), **query).status_code == status


def test_does_a_new_cohort_name_buy_new_chances_to_probe(register, signed_in, platform):
    """The cap is the project's. A file that was refused told no rate and does not count."""
    ann = signed_in("ann")
    started = [upload(ann, name=f"list_{number % 5}").json() for number in range(MOST_COHORTS)]
    refused = upload(ann, name="another")
    assert (refused.status_code, refused.json()["code"]) == (409, "cohort.too_many_versions")
    with platform.database.transaction() as tx:
        record = Entry.by(PLATFORM, "cohort.refuse", started[0]["cohort_id"])
        cohorts.mark_refused(tx, started[0]["cohort_id"], {"code": "cohort.empty", "params": {}}, record=record)
    assert [upload(ann, name="another").status_code for _ in range(2)] == [202, 409]


def test_a_job_that_may_never_run_answers_with_its_reason_and_is_kept_as_refused(register, signed_in):
    ann = signed_in("ann")
    spec = {"kind": "train", "step": "credit_model", "inputs": {"cohort": "mine", "features": ["none_such"]}}
    answer = ann.post("/projects/sme_loans/jobs", json={"spec": spec, "code": None})
    assert 400 <= answer.status_code < 500, answer.text
    kept = ann.get("/jobs", params={"project": "sme_loans"}).json()
    assert [(job["kind"], job["status"], job["why"]["code"]) for job in kept] == [("train", "refused", answer.json()["code"])]


@pytest.mark.parametrize("kind", ["intake", "match", "consent", "check", "nonsense"])
def test_the_platforms_own_kinds_cannot_be_submitted(signed_in, kind):
    answer = signed_in("ann").post("/projects/sme_loans/jobs", json={"spec": {"kind": kind, "step": "fit"}, "code": None})
    assert answer.json()["code"] == "jobs.not_submittable"


def test_a_batch_is_announced_by_name_and_hash(register, signed_in):
    body = {"dataset": REGISTER, "file_name": "base.csv", "sha256": "0" * 64}
    job_id = signed_in("sue").post("/intake", json=body).json()["job_id"]
    assert signed_in("sue").get(f"/jobs/{job_id}").json()["kind"] == "intake"
    refused = signed_in("sue").post("/intake", json=body | {"file_name": "../../keys/rest"})
    assert refused.json()["code"] == "gateway.request_invalid"
