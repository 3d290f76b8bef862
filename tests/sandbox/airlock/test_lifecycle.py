"""The life of a release: no path round the checks, the two votes or the signer."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from catalog.errors import IllegalStep
from sandbox.airlock import lifecycle
from sandbox.airlock.lifecycle import RELEASE, ReleaseEvent, ReleaseState


def test_the_straight_way_out():
    state = RELEASE.initial
    for event in ("check", "submit", "vote", "vote", "approve", "sign", "release"):
        state = lifecycle.step(state, event)
    assert state is ReleaseState.RELEASED


def test_a_draft_cannot_be_signed():
    with pytest.raises(IllegalStep) as refusal:
        lifecycle.step("draft", "sign")
    assert str(refusal.value) == "cannot sign a draft release; from draft you can: check, withdraw"


def test_every_state_is_reached_and_only_the_known_ones_are_final():
    assert set(RELEASE.states()) == set(ReleaseState)
    assert {row.event for row in RELEASE.transitions} == set(ReleaseEvent)
    assert set(RELEASE.final_states()) == {"blocked", "rejected", "revoked", "expired", "withdrawn"}


def test_the_diagram_is_printed_from_the_table():
    assert lifecycle.mermaid().count("-->") == len(RELEASE.transitions) + 1 + len(RELEASE.final_states())


class AnyHistory(RuleBasedStateMachine):
    """Any order of events that anybody might try."""

    def __init__(self):
        super().__init__()
        self.state = RELEASE.initial
        self.history = []

    @rule(event=st.sampled_from(ReleaseEvent))
    def try_anything(self, event):
        possible = RELEASE.events_from(self.state)
        if event not in possible:
            with pytest.raises(IllegalStep) as refusal:
                lifecycle.step(self.state, event)
            assert all(str(name) in str(refusal.value) for name in possible)
            return
        self.state = lifecycle.step(self.state, event)
        self.history.append(event)

    @rule()
    def go_on(self):
        """Take the first possible step, so that histories get far."""
        possible = RELEASE.events_from(self.state)
        if possible:
            self.state = lifecycle.step(self.state, possible[0])
            self.history.append(possible[0])

    @invariant()
    def what_left_was_checked_voted_on_twice_and_signed(self):
        if self.state is ReleaseState.RELEASED:
            last_check = max(index for index, event in enumerate(self.history) if event == "check")
            assert self.history[last_check + 1 :].count("vote") >= 2
            assert self.history[-3:] == ["approve", "sign", "release"]


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyHistory = AnyHistory.TestCase
