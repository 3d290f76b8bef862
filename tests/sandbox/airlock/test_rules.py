"""WHEN a release may go on, and what a policy file may say."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import BadInput, PolicyRefusal
from catalog.messages import catalogue
from sandbox.airlock import rules
from sandbox.airlock.checks.finding import CheckReport, block, passed, review, worst_first
from sandbox.airlock.policies import DEFAULT, Policy, load, policy_hash


@dataclass
class Vote:
    reviewer: str
    organisation: str
    decision: str = "approve"


OPERATOR, DEPARTMENT = Vote("wang", "operator"), Vote("li", "tax")


def refused_by(check, *args):
    """The code of the refusal, None when the rule holds."""
    try:
        check(*args)
    except PolicyRefusal as refusal:
        code = refusal.code
    else:
        return None
    assert code in catalogue()
    return code.removeprefix("rule.")


@pytest.mark.parametrize(
    ("votes", "refusal"),
    [
        ([], "two_reviewers_needed"),
        ([OPERATOR], "two_reviewers_needed"),
        ([OPERATOR, OPERATOR], "two_reviewers_needed"),
        ([OPERATOR, DEPARTMENT], None),
        ([OPERATOR, Vote("li", "tax", "return")], "reviewers_disagree"),
        ([OPERATOR, DEPARTMENT, Vote("zhao", "tax", "reject")], "reviewers_disagree"),
    ],
)
def test_do_two_reviewers_agree(votes, refusal):
    assert refused_by(rules.check_two_reviewers_agree, votes) == refusal


def test_who_votes_with_whom():
    same_house = [OPERATOR, Vote("sun", "operator")]
    assert refused_by(rules.check_reviewers_of_different_organisations, same_house, 2, DEFAULT) is None
    assert refused_by(rules.check_reviewers_of_different_organisations, same_house, 3, DEFAULT) == "one_organisation"
    assert refused_by(rules.check_reviewers_of_different_organisations, [OPERATOR, DEPARTMENT], 4, DEFAULT) is None
    assert refused_by(rules.check_reviewers_differ, [OPERATOR, OPERATOR]) == "voted_already"
    with pytest.raises(PolicyRefusal, match="you wrote this release; another reviewer must approve it"):
        rules.check_reviewers_differ_from_author([OPERATOR, DEPARTMENT], "wang")


def test_one_rejection_outweighs_a_return():
    mixed = [Vote("wang", "operator", "return"), Vote("li", "tax", "reject")]
    assert refused_by(rules.check_somebody_rejected, mixed) is None
    assert refused_by(rules.check_somebody_returned, mixed) == "nobody_decided_so"
    assert refused_by(rules.check_somebody_returned, [OPERATOR, Vote("li", "tax", "return")]) is None
    assert refused_by(rules.check_somebody_rejected, [OPERATOR, DEPARTMENT]) == "nobody_decided_so"


@pytest.mark.parametrize(("age", "usable"), [(0, True), (6.99, True), (7, False), (30, False), (-0.01, False)])
def test_an_approval_lasts_seven_days(age, usable):
    now = datetime(2026, 3, 9, 8, tzinfo=UTC)
    approved = now - timedelta(days=age)
    assert refused_by(rules.check_approval_not_expired, approved, now, DEFAULT) == (None if usable else "approval_expired")
    assert refused_by(rules.check_approval_expired, approved, now, DEFAULT) == ("approval_in_force" if usable else None)


def judged(*findings):
    return rules.Judged.of(CheckReport("model.trees", "0" * 64, policy_hash(DEFAULT), worst_first(findings)).to_json())


def test_a_block_cannot_be_waived_and_nothing_checked_is_a_block():
    good, soft, bad = passed("depth", 4, 6, "m"), review("pure_leaf", 2, 0, "m"), block("smallest_leaf", 3, 10, "m")
    for reports, refusal in (
        ([judged(good, soft)], None),
        ([judged(good), judged(good, bad)], "hard_findings"),
        ([], "nothing_checked"),
        ([judged()], "hard_findings"),
    ):
        assert refused_by(rules.check_hard_findings_absent, reports) == refusal


def test_soft_findings_need_a_reason():
    soft = [judged(review("pure_leaf", 2, 0, "m"), review("depth", 8, 6, "m"))]
    assert refused_by(rules.check_soft_findings_reasoned, soft, "  ") == "reason_missing"
    assert refused_by(rules.check_soft_findings_reasoned, soft, "all paid, tested") is None
    assert refused_by(rules.check_soft_findings_reasoned, [judged(passed("depth", 4, 6, "m"))], "") is None


def test_what_is_signed_was_reviewed():
    reviewed = {"model.txt": "0" * 64, "report.json": "1" * 64}
    assert refused_by(rules.check_bytes_unchanged, reviewed, dict(reviewed)) is None
    for signing in ({}, {"model.txt": "0" * 64}, {**reviewed, "report.json": "2" * 64}, {**reviewed, "more": "0" * 64}):
        assert refused_by(rules.check_bytes_unchanged, reviewed, signing) == "bytes_changed"
    assert refused_by(rules.check_bytes_unchanged, {}, {}) == "bytes_changed"


@pytest.mark.parametrize(
    ("when", "known", "needed"), [("none", [], False), ("first", [], True), ("first", ["h"], False), ("every", ["h"], True)]
)
def test_when_must_code_be_approved(when, known, needed):
    assert rules.code_approval_needed(when, "h", known) is needed


def test_a_policy_may_be_stricter():
    policy = load("smallest_leaf: 50\nmembership_overall: 0.53\ncode_approval: every\n")
    assert policy == replace(DEFAULT, smallest_leaf=50, membership_overall=0.53, code_approval="every")
    assert policy_hash(policy) != policy_hash(DEFAULT)
    assert load("") == load({}) == DEFAULT


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("smallest_leaf: 9", "policy.too_weak"),
        ("membership_overall: 0.9", "policy.too_weak"),
        ("membership_overall: .nan", "policy.too_weak"),
        ("most_bands: -1", "policy.too_weak"),
        ("approval_days: 30", "policy.too_weak"),
        ("smallest_leaf: true", "policy.bad_value"),
        ("smallest_leaf: 10.5", "policy.bad_value"),
        ("smallest_leaf: '50'", "policy.bad_value"),
        ("code_approval: never", "policy.bad_value"),
        ("smalest_leaf: 50", "policy.unknown_name"),
        ("- 1", "policy.not_a_mapping"),
        ("a: [", "policy.not_a_mapping"),
    ],
)
def test_a_weaker_or_odd_policy_is_refused(text, code):
    with pytest.raises(BadInput) as refusal:
        load(text)
    assert refusal.value.code == code
    assert code in catalogue()


@pytest.mark.parametrize("name", [each.name for each in fields(Policy) if each.name != "code_approval"])
def test_every_number_has_a_weakest_value(name):
    refused = 0
    for extreme in (0, 10**9):
        try:
            load({name: extreme})
        except BadInput:
            refused += 1
    assert refused == 1
