"""Votes that must not count: each is refused with its reason, and the release stands where it stood."""

import copy
from datetime import timedelta

import pytest

from catalog import clock
from catalog.errors import GloveboxError
from gateway.client.personal_keys import create
from gateway.client.voting import make_statement, sign_vote
from sandbox.kinds.score import SCORES, read_csv
from sandbox.store import artefacts


@pytest.fixture(scope="module")
def under_review(prepared, front_door, approved):
    """The same training once more, and its release, which nobody voted on yet."""
    job = prepared.run("a", front_door.spec_train("bank_a_cohort"))
    release = prepared.request("a", job["id"])
    assert (release["state"], release["grade"] >= 3) == ("submitted", True)
    return release["id"]


@pytest.fixture(scope="module")
def signed(prepared, under_review):
    """``signed("officer_li")``: a vote by that officer's key, as JSON; ``changes`` to the ballot, ``at``: when it was signed."""

    def sign(officer, decision="approve", *, at=None, key=None, **changes):
        ballot = {**prepared.client(officer if officer in prepared.world.keys else "officer_wang").ballot(under_review), **changes}
        return sign_vote(make_statement(ballot, decision, now=at), key or prepared.world.keys[officer]).to_json()

    return sign


def refused(prepared, login, release, vote):
    with pytest.raises(GloveboxError) as found:
        prepared.client(login).vote(release, vote, "")
    return found.value.code


def state_of(prepared, release):
    return prepared.client("scientist_a").release(release)["state"]


@pytest.mark.parametrize("login", ["scientist_a", "scientist_b", "approver_a", "approver_b", "security", "admin", "auditor", "steward"])
def test_only_compliance_officers_vote(prepared, under_review, signed, login):
    assert refused(prepared, login, under_review, signed("officer_wang")) == "permissions.role_missing"
    assert state_of(prepared, under_review) == "submitted"


OTHER = {"files": {"model.txt": "0" * 64, "report.json": "0" * 64}}
WRONG = {
    "another round": ({"attempt": 2}, "vote.other_bytes"),
    "other files": (OTHER, "vote.other_bytes"),
    "another report": ({"check_report_hash": "0" * 64}, "vote.other_bytes"),
    "another policy": ({"policy_hash": "0" * 64}, "vote.other_bytes"),
    "another recipient": ({"recipient_fingerprint": "0" * 40}, "vote.other_bytes"),
    "a lower grade": ({"grade": 1}, "vote.other_bytes"),
    "another release": ({"release_id": "rel-0"}, "vote.other_bytes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_vote_about_something_else_is_refused(prepared, under_review, signed, case):
    changes, code = WRONG[case]
    assert refused(prepared, "officer_wang", under_review, signed("officer_wang", **changes)) == code
    assert state_of(prepared, under_review) == "submitted"


def test_a_vote_by_somebody_elses_key_is_refused(prepared, under_review, signed):
    assert refused(prepared, "officer_li", under_review, signed("officer_wang")) == "release.no_key"


def test_a_vote_by_a_key_nobody_confirmed_is_refused(prepared, under_review, signed):
    key = create(prepared.world.scratch / "second.key.json", "officer", "another passphrase", "officer_li")
    prepared.client("officer_li").register_key(key.public_document())
    assert refused(prepared, "officer_li", under_review, signed("officer_li", key=key)) == "release.no_key"


def test_a_bank_key_signs_no_vote_and_registers_as_no_officer(prepared):
    document = create(prepared.world.scratch / "sly.key.json", "officer", "another passphrase", "scientist_a").public_document()
    with pytest.raises(GloveboxError) as found:
        prepared.client("scientist_a").register_key(document)
    assert found.value.code == "gateway.key_kind_foreign"


def test_a_changed_statement_an_old_one_and_one_from_the_future_are_refused(prepared, under_review, signed):
    changed = copy.deepcopy(signed("officer_wang", "reject"))
    changed["statement"]["decision"] = "approve"
    assert refused(prepared, "officer_wang", under_review, changed) == "vote.not_signed"
    for days, code in ((-8, "vote.expired"), (2, "vote.from_the_future")):
        vote = signed("officer_wang", at=clock.now() + timedelta(days=days))
        assert refused(prepared, "officer_wang", under_review, vote) == code
    assert state_of(prepared, under_review) == "submitted"


@pytest.mark.parametrize(
    "vote",
    [{}, {"statement": {}}, {"statement": None, "officer_key_id": "", "signature": ""}, {"a": [[[[]]]]}],
    ids=["empty", "half", "nulls", "deep"],
)
def test_a_vote_that_is_none_is_bad_input(prepared, under_review, vote):
    assert refused(prepared, "officer_wang", under_review, vote) == "vote.malformed"


def test_nobody_confirms_their_own_key_or_by_a_wrong_fingerprint(prepared):
    key = create(prepared.world.scratch / "third.key.json", "officer", "another passphrase", "officer_wang").public_document()
    prepared.client("officer_wang").register_key(key)
    for login, fingerprint, code in (
        ("officer_wang", key["fingerprint"], "keys.confirm_own"),
        ("security", "0" * 40, "keys.fingerprint_differs"),
        ("approver_a", key["fingerprint"], "permissions.role_missing"),
    ):
        with pytest.raises(GloveboxError) as found:
            prepared.client(login).confirm_key(key["key_id"], fingerprint)
        assert found.value.code == code


def test_two_votes_of_one_officer_or_of_one_organisation_are_refused(prepared, under_review, signed):
    first = signed("officer_wang")
    prepared.client("officer_wang").vote(under_review, first, "looked at")
    assert state_of(prepared, under_review) == "one_review"
    assert refused(prepared, "officer_wang", under_review, first) in ("rule.voted_already", "release.voted_already", "vote.nonce_used")
    assert refused(prepared, "officer_wang", under_review, signed("officer_wang")) in ("rule.voted_already", "release.voted_already")
    assert refused(prepared, "officer_zhou", under_review, signed("officer_zhou")) == "vote.same_organisation"
    assert state_of(prepared, under_review) == "one_review"


def test_a_ballot_of_the_round_before_counts_no_more(prepared, under_review, signed):
    """An officer sends the release back, its author resubmits it: what was signed about the first round is stale."""
    stale = signed("officer_wang")
    prepared.vote("officer_li", under_review, "return")
    assert state_of(prepared, under_review) == "returned"
    assert refused(prepared, "officer_zhou", under_review, signed("officer_zhou")) == "lifecycle.illegal_step"
    prepared.client("scientist_a").move_release(under_review, "resubmit", "as agreed")
    release = prepared.world.wait_for_release("scientist_a", under_review, "draft", "checking")
    assert (release["state"], release["round"]) == ("submitted", 2)
    assert refused(prepared, "officer_wang", under_review, stale) == "vote.other_bytes"
    assert prepared.approve("a", under_review)["state"] == "released"


def test_who_did_not_allow_removal_votes_again_when_a_consent_ends(prepared, front_door, approved):
    """One officer signed that nothing may change; a firm withdraws: nothing leaves, and both vote about what is left."""
    codes = prepared.lines("bank_a_score_list")[:400]
    text = "row_id,uscc,observation_date\n" + "".join(",".join(row) + "\n" for row in codes)
    cohort, _ = prepared.upload("a", "votes_list", text)
    assert cohort["status"] == "ready"
    job = prepared.run("a", front_door.spec_score(approved["model"]["id"], "votes_list"))
    release = prepared.request("a", job["id"])["id"]
    client = prepared.client("officer_wang")
    strict = make_statement(client.ballot(release), "approve", removal_allowed=False)
    stale = sign_vote(strict, prepared.world.keys["officer_wang"]).to_json()
    client.vote(release, stale, "exactly this")
    services = prepared.inside()
    gone = leaving_code(services, job["id"], codes)
    prepared.withdraw(gone[1])
    prepared.vote("officer_li", release)
    back = prepared.world.wait_for_release("scientist_a", release, "one_review", "reviewed", "approved", "signing")
    assert (back["state"], back["round"], back["why"]["code"]) == ("submitted", 2, "vote.removal_not_allowed")
    assert refused(prepared, "officer_wang", release, stale) == "vote.other_bytes"
    assert prepared.approve("a", release)["state"] == "released"
    scores = prepared.collect("a", release).files["scores.csv"].decode()
    assert f"\n{gone[0]}," not in scores
    assert len(scores.splitlines()) > 50


def leaving_code(services, job_id, rows):
    """(row id, code) of a row that is in the list as reviewed."""
    with services.database.reading() as tx:
        found = next(a for a in artefacts.artefacts_of(tx, job_id) if a.name == SCORES)
    listed = {row["row_id"] for row in read_csv(services.vault.get(found.project_id, found.ref))}
    services.database.close()
    return next((row_id, code) for row_id, code, _ in rows if row_id in listed)
