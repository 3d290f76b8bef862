"""What the author, a reviewer and a stranger may see of a release."""

from dataclasses import dataclass, field, fields

import pytest

from catalog.errors import NotFound
from sandbox.airlock.checks.finding import CheckReport, block, worst_first
from sandbox.airlock.visibility import AuthorView, PublicFinding, author_view, reviewer_view


@dataclass
class Vote:
    reviewer: str
    organisation: str
    decision: str
    comment: str


@dataclass
class Release:
    state: str
    release_id: str = "release-1"
    project_id: str = "project-1"
    tenant_id: str = "bank_a"
    author: str = "ann"
    files: dict = field(default_factory=lambda: {"model.txt": "0" * 64})
    reasons: dict = field(default_factory=dict)
    votes: list = field(default_factory=lambda: [Vote("wang", "operator", "approve", "fine"), Vote("li", "tax", "return", "why so deep?")])
    reports: dict = field(
        default_factory=lambda: {
            "model.txt": CheckReport("model.trees", "0" * 64, "p", worst_first([block("smallest_leaf", 3, 10, "ACRO", small=7)]))
        }
    )


def test_the_author_sees_limit_and_advice_but_nothing_measured():
    seen = author_view(Release("blocked"), "bank_a")
    assert seen.findings == (PublicFinding("model.txt", "smallest_leaf", "block", 10, "check.smallest_leaf.fix", True),)
    assert {each.name for each in fields(PublicFinding)}.isdisjoint({"value", "evidence"})


@pytest.mark.parametrize(("state", "votes"), [("submitted", 0), ("one_review", 0), ("reviewed", 2), ("returned", 2)])
def test_the_author_learns_of_votes_once_both_are_cast(state, votes):
    seen = author_view(Release(state), "bank_a")
    assert len(seen.votes) == votes
    assert "wang" not in repr(seen)


@pytest.mark.parametrize(("state", "seen_by_li"), [("one_review", ["li"]), ("reviewed", ["wang", "li"])])
def test_the_first_phase_is_blind(state, seen_by_li):
    seen = reviewer_view(Release(state), "li")
    assert [vote.reviewer for vote in seen.votes] == seen_by_li
    assert seen.reports["model.txt"].findings[0].value == 3


def test_another_bank_finds_nothing():
    with pytest.raises(NotFound, match="release-1"):
        author_view(Release("released"), "bank_b")


def test_a_new_field_of_the_release_is_not_shown_by_itself():
    release = Release("reviewed")
    release.secret = "CANARY"
    assert "CANARY" not in repr(author_view(release, "bank_a")) + repr(reviewer_view(release, "li"))
    assert "tenant_id" not in {each.name for each in fields(AuthorView)}
