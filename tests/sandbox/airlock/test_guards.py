"""The lifecycle's rules are asked: every name in the table, and each step that names one refuses when it is violated."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import PolicyRefusal
from sandbox.airlock.guards import RULES, StepFacts, check_rules, rules_hold
from sandbox.airlock.lifecycle import RELEASE
from sandbox.airlock.rules import Judged


@dataclass
class Vote:
    reviewer: str
    organisation: str
    decision: str = "approve"


NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
WANG, LI = Vote("wang", "operator"), Vote("li", "tax")
FILES = {"model.txt": "0" * 64}
GOOD = StepFacts("author", 3, (Judged(False),), "because", (WANG, LI), NOW, NOW, FILES, FILES)
EXPIRED = {"approved_at": NOW - timedelta(days=8)}

# rule: (what makes it hold, what violates it, the refusal)
CASES = {
    "hard_findings_absent": ({}, {"reports": (Judged(False), Judged(True, ("smallest_leaf",)))}, "rule.hard_findings"),
    "soft_findings_reasoned": ({}, {"reports": (Judged(False, soft=("depth",)),), "reason": " "}, "rule.reason_missing"),
    "reviewers_differ_from_author": ({}, {"author": "li"}, "rule.own_work"),
    "reviewers_differ": ({}, {"votes": (WANG, WANG)}, "rule.voted_already"),
    "two_reviewers_agree": ({}, {"votes": (WANG,)}, "rule.two_reviewers_needed"),
    "reviewers_of_different_organisations": ({}, {"votes": (WANG, Vote("zhou", "operator"))}, "rule.one_organisation"),
    "somebody_returned": ({"votes": (WANG, Vote("li", "tax", "return"))}, {}, "rule.nobody_decided_so"),
    "somebody_rejected": ({"votes": (WANG, Vote("li", "tax", "reject"))}, {}, "rule.nobody_decided_so"),
    "approval_not_expired": ({}, EXPIRED, "rule.approval_expired"),
    "approval_expired": (EXPIRED, {}, "rule.approval_in_force"),
    "bytes_unchanged": ({}, {"signing": {"model.txt": "1" * 64}}, "rule.bytes_changed"),
}
GUARDED = [(row, name) for row in RELEASE.transitions for name in row.only_if]


def test_the_table_has_every_rule_the_lifecycle_names_and_no_other():
    assert {name for _, name in GUARDED} == set(RULES) == set(CASES)


@pytest.mark.parametrize(("row", "name"), GUARDED, ids=lambda each: each if isinstance(each, str) else f"{each.source}-{each.event}")
def test_a_step_is_refused_when_one_of_its_rules_is_violated(row, name):
    holding = replace(GOOD, **{key: value for each in row.only_if for key, value in CASES[each][0].items()})
    check_rules(row, holding)
    broken = replace(GOOD, **CASES[name][1])
    with pytest.raises(PolicyRefusal) as refusal:
        check_rules(row, broken)
    assert refusal.value.code == CASES[name][2]
    assert rules_hold(row, holding)
    assert not rules_hold(row, broken)
