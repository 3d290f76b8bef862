"""An officer's vote is made on the officer's side, over exactly what was shown."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import BadInput, IntegrityBroken
from gateway.client import personal_keys
from gateway.client.voting import check_ballot_is_for, make_statement, sign_vote
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.votes import verify_vote

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BALLOT = {
    "release_id": "release-1",
    "attempt": 1,
    "files": {"model.txt": "a" * 64},
    "spec_hash": "b" * 64,
    "policy_hash": "c" * 64,
    "check_report_hash": "d" * 64,
    "recipient_fingerprint": "e" * 40,
    "grade": 3,
    "removal_allowed": True,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {kind: personal_keys.create(folder / kind, kind, "four unrelated words", "wang") for kind in ("officer", "bank")}


def test_a_signed_vote_holds_before_the_platforms_own_rules(keys):
    signed = sign_vote(make_statement(BALLOT, "approve", now=NOW), keys["officer"])
    officer = OfficerKey("wang", "operator", keys["officer"].public.signing_key)
    verify_vote(signed.statement, signed.signature, officer, NOW + timedelta(days=6))
    assert {name: signed.statement.to_json()[name] for name in BALLOT} == BALLOT


def test_no_two_votes_have_the_same_nonce():
    assert len({make_statement(BALLOT, "approve").nonce for _ in range(20)}) == 20


def test_an_officer_may_withhold_that_rows_are_removed_but_not_add_it():
    assert make_statement(BALLOT, "approve", removal_allowed=False).removal_allowed is False
    assert make_statement({**BALLOT, "removal_allowed": False}, "approve", removal_allowed=True).removal_allowed is False


def test_a_banks_key_cannot_vote(keys):
    with pytest.raises(BadInput, match="officer"):
        sign_vote(make_statement(BALLOT, "approve"), keys["bank"])


@pytest.mark.parametrize("change", [{"files": {}}, {"grade": "3"}, {"attempt": 0}, {"spec_hash": "no hash"}, {"removal_allowed": "yes"}])
def test_a_ballot_that_is_none_is_not_signed(change):
    with pytest.raises(BadInput):
        make_statement({**BALLOT, **change}, "approve")


@pytest.mark.parametrize("missing", sorted(BALLOT))
def test_a_ballot_says_everything(missing):
    with pytest.raises(BadInput):
        make_statement({name: value for name, value in BALLOT.items() if name != missing}, "approve")


def test_a_vote_is_one_of_three_words():
    with pytest.raises(BadInput, match="approve, return, reject"):
        make_statement(BALLOT, "perhaps")


@pytest.mark.parametrize(
    ("release", "seen"), [("release-2", None), ("release-1", {"model.txt": "f" * 64}), ("release-1", {**BALLOT["files"], "more": "a" * 64})]
)
def test_a_ballot_about_something_else_than_was_shown_is_not_signed(release, seen):
    check_ballot_is_for(BALLOT, "release-1", dict(BALLOT["files"]))
    with pytest.raises(IntegrityBroken):
        check_ballot_is_for(BALLOT, release, seen)
