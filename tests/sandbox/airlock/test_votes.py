"""Votes: two officers approve exactly these bytes, or nothing leaves. One broken rule per row, named in the refusal."""

import dataclasses
from datetime import timedelta

import pytest

from catalog import canonical_json
from catalog.errors import BadInput, PolicyRefusal
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.votes import DECISIONS, ReleaseFacts, SignedVote, VoteStatement, two_votes_for, verify_vote


def facts_of(world, **changes):
    said = world.statement("a")
    names = [field.name for field in dataclasses.fields(ReleaseFacts) if hasattr(said, field.name)]
    return ReleaseFacts(**{name: getattr(said, name) for name in names} | {"author": "chen", "author_organisation": "bank_a"} | changes)


def refusal_of(world, votes, facts=None, officers=None, now=None):
    with pytest.raises(PolicyRefusal) as refusal:
        two_votes_for(facts or facts_of(world), votes, world.officers if officers is None else officers, now or world.now)
    return refusal.value.code


def test_two_officers_of_two_organisations_release_what_both_reviewed(world):
    assert two_votes_for(facts_of(world), world.votes(), world.officers, world.now) is None


def test_a_vote_survives_json_with_the_same_bytes(world):
    for vote in world.votes():
        read = SignedVote.from_json(canonical_json.loads(canonical_json.dumps(vote.to_json())))
        assert read == vote
        assert read.statement.canonical_bytes() == vote.statement.canonical_bytes()


@pytest.mark.parametrize("found", [0, 1, 3])
def test_one_vote_or_three_are_not_two(world, found):
    votes = [*world.votes(), world.zhao.sign(world.statement("c"))][:found]
    assert refusal_of(world, votes) == "vote.not_two"


def test_one_officer_does_not_vote_twice(world):
    votes = [world.li.sign(world.statement("a")), world.li.sign(world.statement("b"))]
    assert refusal_of(world, votes) == "vote.same_officer"


def test_one_officer_with_two_keys_does_not_vote_twice(world):
    second_key = OfficerKey("li", "elsewhere", world.wang.key.public_key)
    assert refusal_of(world, world.votes(), officers=[world.li.key, second_key]) == "vote.same_officer"


def test_a_copied_nonce_is_noticed(world):
    votes = [world.li.sign(world.statement("a")), world.wang.sign(world.statement("a"))]
    assert refusal_of(world, votes) == "vote.same_nonce"


CHANGES = [
    ("decision", "return", "vote.not_approving"),
    ("decision", "reject", "vote.not_approving"),
    ("release_id", "release-2", "vote.other_release"),
    ("attempt", 2, "vote.other_release"),
    ("files", {"model.txt": "0" * 64}, "vote.other_bytes"),
    ("spec_hash", "0" * 64, "vote.other_bytes"),
    ("policy_hash", "0" * 64, "vote.other_bytes"),
    ("check_report_hash", "0" * 64, "vote.other_bytes"),
    ("recipient_fingerprint", "0" * 40, "vote.other_bytes"),
    ("grade", 2, "vote.other_bytes"),
]


@pytest.mark.parametrize(("field", "value", "code"), CHANGES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_vote_about_anything_else_does_not_count(world, field, value, code, which):
    votes = world.votes()
    votes[which] = [world.li, world.wang][which].sign(world.statement("ab"[which], **{field: value}))
    assert refusal_of(world, votes) == code


@pytest.mark.parametrize(
    ("issued", "expires", "code"),
    [
        (timedelta(hours=-3), timedelta(0), "vote.expired"),
        (timedelta(days=-8), timedelta(days=-1), "vote.expired"),
        (timedelta(hours=-1), timedelta(days=7), "vote.too_long"),
        (timedelta(hours=-1), timedelta(hours=-1), "vote.too_long"),
        (timedelta(hours=1), timedelta(hours=-1), "vote.too_long"),
        (timedelta(hours=1), timedelta(days=2), "vote.from_the_future"),
    ],
)
def test_a_vote_holds_only_in_its_time_and_at_most_seven_days(world, issued, expires, code):
    late = world.statement("b", issued_at=world.now + issued, expires_at=world.now + expires)
    assert refusal_of(world, [world.votes()[0], world.wang.sign(late)]) == code


def test_a_vote_of_exactly_seven_days_holds_until_its_last_microsecond(world):
    issued = world.now
    votes = world.votes(issued_at=issued, expires_at=issued + timedelta(days=7))
    two_votes_for(facts_of(world), votes, world.officers, issued + timedelta(days=7) - timedelta(microseconds=1))
    assert refusal_of(world, votes, now=issued + timedelta(days=7)) == "vote.expired"


def test_an_officer_who_is_not_on_the_list_does_not_count(world):
    assert refusal_of(world, world.votes(), officers=[world.li.key]) == "vote.unknown_officer"
    assert refusal_of(world, world.votes(), officers=[]) == "vote.unknown_officer"


def test_a_statement_changed_after_signing_does_not_count(world):
    first, second = world.votes()
    forged = SignedVote(dataclasses.replace(second.statement, nonce="c" * 32), second.signature)
    assert refusal_of(world, [first, forged]) == "vote.not_signed"


def test_a_signature_made_for_another_purpose_is_no_vote(world):
    first, _ = world.votes()
    assert refusal_of(world, [first, world.wang.sign(world.statement("b"), purpose="session")]) == "vote.not_signed"


def test_somebody_else_s_signature_is_not_this_officer_s(world):
    vote = world.votes()[0]
    with pytest.raises(PolicyRefusal) as refusal:
        verify_vote(vote.statement, vote.signature, world.wang.key, world.now)
    assert refusal.value.code == "vote.other_key"


def test_the_author_does_not_approve_own_work_at_any_grade(world):
    for grade in (1, 2, 3, 4):
        votes = world.votes(grade=grade)
        assert refusal_of(world, votes, facts_of(world, author="li", grade=grade)) == "vote.author_votes"


def same_house(world):
    return [world.li.key, OfficerKey("wang", "operator", world.wang.key.public_key)]


def test_from_grade_three_on_the_officers_belong_to_different_organisations(world):
    for grade in (3, 4, 5):
        votes = world.votes(grade=grade)
        assert refusal_of(world, votes, facts_of(world, grade=grade), same_house(world)) == "vote.same_organisation"
    for grade in (1, 2):
        two_votes_for(facts_of(world, grade=grade), world.votes(grade=grade), same_house(world), world.now)


def test_from_grade_three_on_no_officer_comes_from_the_author_s_bank(world):
    def votes(grade):
        return [world.li.sign(world.statement("a", grade=grade)), world.zhao.sign(world.statement("b", grade=grade))]

    assert refusal_of(world, votes(3), facts_of(world)) == "vote.author_organisation"
    two_votes_for(facts_of(world, grade=2), votes(2), world.officers, world.now)


def test_rows_may_be_removed_only_when_both_allowed_it(world):
    removed = facts_of(world, rows_removed=True)
    allowed = world.votes(removal_allowed=True)
    two_votes_for(removed, allowed, world.officers, world.now)
    assert refusal_of(world, [allowed[0], world.votes()[1]], removed) == "vote.removal_not_allowed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("suite", "gm"),
        ("release_id", ""),
        ("attempt", 0),
        ("attempt", True),
        ("decision", "approved"),
        ("decision", []),
        ("files", {}),
        ("files", {"model.txt": "short"}),
        ("files", ["model.txt"]),
        ("spec_hash", "0" * 63),
        ("policy_hash", ("0" * 64) + "\n"),
        ("check_report_hash", None),
        ("recipient_fingerprint", "A" * 40),
        ("removal_allowed", 1),
        ("grade", 6),
        ("grade", 3.0),
        ("issued_at", "2026-11-20T08:00:00"),
        ("expires_at", "2026-11-20T08:00:00Z"),
        ("expires_at", 5),
        ("nonce", "a" * 8),
    ],
)
def test_a_malformed_statement_is_refused_with_its_field(world, field, value):
    with pytest.raises(BadInput) as refusal:
        VoteStatement.from_json({**world.statement("a").to_json(), field: value})
    assert refusal.value.code == "vote.malformed"
    assert field in refusal.value.params["field"]


def test_an_extra_or_a_missing_field_is_refused(world):
    document = world.statement("a").to_json()
    for odd in ({**document, "note": ""}, {name: value for name, value in document.items() if name != "nonce"}, [], None):
        with pytest.raises(BadInput):
            VoteStatement.from_json(odd)


def test_a_vote_that_names_another_key_than_signed_is_refused(world):
    with pytest.raises(BadInput):
        SignedVote.from_json({**world.votes()[0].to_json(), "officer_key_id": "0" * 40})


def test_every_decision_can_be_written_and_read(world):
    for decision in DECISIONS:
        statement = world.statement("a", decision=decision)
        assert VoteStatement.from_json(statement.to_json()) == statement


@pytest.mark.parametrize(("field", "value"), [("suite", "gm"), ("key_id", "0" * 40), ("public_key", "AAAA"), ("officer", 3)])
def test_a_malformed_officer_is_refused(world, field, value):
    assert OfficerKey.from_json(world.li.key.to_json()) == world.li.key
    with pytest.raises(BadInput):
        OfficerKey.from_json({**world.li.key.to_json(), field: value})
