"""A job's life is its table: nothing happens that has no row, and every row can happen."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from catalog.errors import IllegalStep
from jobs.lifecycle import ACTIVE, ENDED, JOB, Event, Outcome, Status

# From (rows) by event (columns), drawn as people read it; "." is no step.
TABLE = """
                   refuse  ask_approval       enqueue approve claim     start   collect    succeed   fail   cancel    expire  lose retry
submitted          refused awaiting_approval  queued  .       .         .       .          .         .      .         .       .    .
awaiting_approval  refused .                  .       queued  .         .       .          .         .      cancelled expired .    .
queued             .       .                  .       .       preparing .       .          .         .      cancelled expired .    .
preparing          .       .                  .       .       .         running .          .         failed cancelled .       lost .
running            .       .                  .       .       .         .       collecting .         failed cancelled .       lost .
collecting         .       .                  .       .       .         .       .          succeeded failed cancelled .       lost .
lost               .       .                  .       .       .         .       .          .         failed cancelled .       .    queued
refused            .       .                  .       .       .         .       .          .         .      .         .       .    .
succeeded          .       .                  .       .       .         .       .          .         .      .         .       .    .
failed             .       .                  .       .       .         .       .          .         .      .         .       .    .
cancelled          .       .                  .       .       .         .       .          .         .      .         .       .    .
expired            .       .                  .       .       .         .       .          .         .      .         .       .    .
"""


def cells():
    header, *rows = [line.split() for line in TABLE.splitlines() if line.strip()]
    return [(row[0], event, target) for row in rows for event, target in zip(header, row[1:], strict=True)]


@pytest.mark.parametrize(("state", "event", "target"), cells())
def test_each_step_of_the_table_and_no_other(state, event, target):
    if target != ".":
        assert JOB.step(state, event) == target
        return
    with pytest.raises(IllegalStep) as refused:
        JOB.step(state, event)
    for possible in JOB.events_from(state):
        assert possible in refused.value.text()


def test_the_drawing_covers_every_state_and_event():
    assert {(s, e) for s, e, _ in cells()} == {(str(s), str(e)) for s in Status for e in Event}


def test_every_state_can_be_reached_and_every_one_ends():
    reached = {JOB.initial}
    while more := {row.target for row in JOB.transitions if row.source in reached} - reached:
        reached |= more
    assert reached == set(Status)
    ending = set(ENDED)
    while more := {row.source for row in JOB.transitions if row.target in ending} - ending:
        ending |= more
    assert ending == set(Status)


def test_only_a_worker_that_holds_the_token_moves_a_job_forward():
    for row in JOB.transitions:
        assert (row.by == "worker") == ("holds_token" in row.only_if)
        if row.by == "worker":
            assert row.source in ACTIVE


def test_there_are_eight_outcomes():
    assert len(Outcome) == 8


class JobLife(RuleBasedStateMachine):
    """Any order of events: whatever the table lets through, these hold."""

    def __init__(self):
        super().__init__()
        self.state = JOB.initial
        self.seen = [self.state]

    @rule(event=st.sampled_from(Event))
    def happens(self, event):
        try:
            target = JOB.step(self.state, event)
        except IllegalStep:
            assert event not in JOB.events_from(self.state)
            return
        self.state = target
        self.seen.append(target)

    @precondition(lambda self: self.state not in ENDED)
    @rule(data=st.data())
    def goes_on(self, data):
        self.happens(data.draw(st.sampled_from(JOB.events_from(self.state))))

    @invariant()
    def success_passed_through_every_phase(self):
        if self.state is Status.SUCCEEDED:
            assert self.seen[-4:-1] == list(ACTIVE)

    @invariant()
    def nothing_runs_that_was_not_queued_first(self):
        for before, after in zip(self.seen, self.seen[1:], strict=False):
            assert after is not Status.PREPARING or before is Status.QUEUED

    @invariant()
    def an_end_is_an_end(self):
        assert all(state not in ENDED for state in self.seen[:-1])

    @invariant()
    def what_is_lost_ran_and_goes_back_to_the_queue_or_ends(self):
        for before, after in zip(self.seen, self.seen[1:], strict=False):
            assert after is not Status.LOST or before in ACTIVE
            assert before is not Status.LOST or after in (Status.QUEUED, Status.FAILED, Status.CANCELLED)


TestJobLife = JobLife.TestCase
