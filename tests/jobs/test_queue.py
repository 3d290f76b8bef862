"""Whose turn it is: the organisation that runs least, its longest-waiting job; one tenant's flood leaves room for others."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.queue import LARGEST_RUNNING_PER_ORGANISATION, Waiting, next_in_turn, why_waiting

QUOTA = LARGEST_RUNNING_PER_ORGANISATION
BANKS = st.sampled_from(["bank_a", "bank_b", "bank_c"])
QUEUES = st.lists(st.tuples(BANKS, st.integers(0, 9)), max_size=12).map(
    lambda rows: [Waiting(f"job-{n}", bank, f"t{at}") for n, (bank, at) in enumerate(rows)]
)
RUNNING = st.lists(BANKS, max_size=14)


def read(table):
    return [Waiting(*line.split()) for line in table.split("\n") if line.strip()]


@pytest.mark.parametrize(
    ("running", "chosen"),
    [
        ("", "job-2"),  # nobody runs: the longest waiting
        ("bank_a", "job-3"),  # bank A runs one: bank B's turn, though it came later
        ("bank_b", "job-2"),
        ("bank_a bank_b", "job-2"),
        ("bank_a bank_a bank_b", "job-3"),
    ],
)
def test_whose_turn(running, chosen):
    waiting = read("""
        job-1 bank_a 10:05
        job-2 bank_a 10:00
        job-3 bank_b 10:07
    """)
    assert next_in_turn(waiting, running.split(), slots=8) == chosen


@given(QUEUES, RUNNING, st.integers(0, 16))
def test_no_more_run_than_there_are_slots_and_no_organisation_exceeds_its_quota(waiting, running, slots):
    chosen = next_in_turn(waiting, running, slots)
    if len(running) >= slots:
        assert chosen is None
    if chosen is not None:
        [job] = [w for w in waiting if w.job_id == chosen]
        assert running.count(job.organisation_id) < QUOTA


@given(QUEUES, RUNNING, st.integers(1, 16))
def test_a_free_slot_is_used_whenever_anybody_may_use_it(waiting, running, slots):
    anybody = any(running.count(w.organisation_id) < QUOTA for w in waiting)
    assert (next_in_turn(waiting, running, slots) is not None) == (anybody and len(running) < slots)


@given(QUEUES, RUNNING)
def test_nobody_who_runs_more_goes_first(waiting, running):
    chosen = next_in_turn(waiting, running, slots=99)
    if chosen is not None:
        busy = Counter(running)
        turn = next(w for w in waiting if w.job_id == chosen)
        assert busy[turn.organisation_id] == min(busy[w.organisation_id] for w in waiting)
        mine = [w for w in waiting if w.organisation_id == turn.organisation_id]
        assert turn.submitted_at == min(w.submitted_at for w in mine)


@given(QUEUES, RUNNING, st.randoms())
def test_the_order_in_which_rows_are_read_does_not_matter(waiting, running, random):
    shuffled = list(waiting)
    random.shuffle(shuffled)
    assert next_in_turn(waiting, running, 99) == next_in_turn(shuffled, running, 99)


@given(QUEUES, st.integers(1, 6))
def test_every_job_has_its_turn(waiting, slots):
    left, done = list(waiting), []
    while left:
        running = []
        while (chosen := next_in_turn(left, running, slots)) is not None:
            job = next(w for w in left if w.job_id == chosen)
            left.remove(job)
            running.append(job.organisation_id)
            done.append(chosen)
        assert running, "nobody ran although jobs wait"
    assert sorted(done) == sorted(w.job_id for w in waiting)


@pytest.mark.parametrize(
    ("running", "slots", "alive", "reason"),
    [
        ("", 2, False, "jobs.waiting_for_supervisor"),
        ("bank_a " * QUOTA, 9, True, "jobs.waiting_for_quota"),
        ("bank_b bank_b", 2, True, "jobs.waiting_for_slot"),
        ("bank_b", 2, True, "jobs.waiting_for_turn"),
    ],
)
def test_a_waiting_job_always_says_why(running, slots, alive, reason):
    assert why_waiting(Waiting("job-1", "bank_a", "t"), running.split(), slots, alive)[0] == reason


@given(st.lists(st.just("bank_b"), max_size=1))
def test_another_banks_queue_never_shows_in_the_reason(others):
    """With a slot free either way, what bank A reads is the same whether bank B works or not."""
    job = Waiting("job-1", "bank_a", "t")
    assert why_waiting(job, others, 2, True) == why_waiting(job, [], 2, True)
