"""The queue as rows: a job is claimed once, an attempt's token is its right to be heard, every step is recorded."""

import threading
from datetime import timedelta

import pytest

from catalog import canonical_json, clock
from catalog.actors import PLATFORM
from catalog.database import Database
from catalog.errors import IllegalStep, NotFound
from catalog.ledger.record import Entry
from catalog.store import ledger
from jobs.lifecycle import ACTIVE, Event, Status
from jobs.queue import LARGEST_RUNNING_PER_ORGANISATION
from jobs.store import jobs as store


def claim(database, supervisor="sup-1", slots=99):
    with database.transaction() as tx:
        return store.claim_next(tx, supervisor, slots)


def waits(database):
    with database.reading() as tx:
        return store.waiting_and_running(tx)[0]


def move(database, job_id, event, **also):
    with database.transaction() as tx:
        return store.move(tx, job_id, event, **also)


def test_a_claim_makes_an_attempt_with_a_token(database, submit):
    submit("job-1")
    job = claim(database)
    assert (job.id, job.status, job.attempt) == ("job-1", Status.PREPARING, 1)
    with database.reading() as tx:
        attempt = store.current_attempt(tx, "job-1", 1)
    assert attempt.token == job.token
    assert len(job.token) == 32
    assert claim(database) is None


def test_claimers_at_the_same_time_never_get_one_job_twice(database, submit):
    jobs = [submit(f"job-{n}", by=("ann", "bea")[n % 2]) for n in range(8)]
    taken, failures, start = [], [], threading.Barrier(4)

    def claimer(name):
        mine = Database(database.url)
        try:
            start.wait()
            while waits(mine):
                job = claim(mine, name)  # None when another claimer was quicker
                if job is not None:
                    taken.append((job.id, job.attempt))
        except Exception as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=claimer, args=(f"sup-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken) == [(job, 1) for job in jobs]


def test_claimers_at_the_same_time_never_fill_more_than_the_slots(database, submit):
    for n in range(8):
        submit(f"job-{n}", by=("ann", "bea")[n % 2])
    start = threading.Barrier(4)

    def claimer(name):
        mine = Database(database.url)
        start.wait()
        while waits(mine) > 5:
            claim(mine, name, slots=3)
        mine.close()

    threads = [threading.Thread(target=claimer, args=(f"sup-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as tx:
        assert len(store.waiting_and_running(tx)[1]) == 3


def test_a_flood_of_one_bank_leaves_room_for_the_other(database, submit):
    for n in range(LARGEST_RUNNING_PER_ORGANISATION + 3):
        submit(f"job-a{n}")
    submit("job-b", by="bea")
    order = []
    while (job := claim(database)) is not None:
        order.append(job.organisation_id)
    assert order[:2] == ["bank_a", "bank_b"]
    assert order.count("bank_a") == LARGEST_RUNNING_PER_ORGANISATION


@pytest.mark.parametrize("event", [Event.START, Event.FAIL])
def test_a_stale_token_is_refused_and_changes_nothing(database, submit, event):
    submit("job-1")
    old = claim(database).token
    move(database, "job-1", Event.LOSE, token=old)
    move(database, "job-1", Event.RETRY)
    new = claim(database)
    assert (new.attempt, new.token == old) == (2, False)
    with database.reading() as tx:
        before = ledger.head(tx)
    with pytest.raises(IllegalStep) as refused:
        move(database, "job-1", event, token=old)
    assert refused.value.code == "jobs.stale_token"
    with database.reading() as tx:
        assert ledger.head(tx) == before
        assert store.find(tx, "job-1") == new


@pytest.mark.parametrize("event", [Event.START, Event.COLLECT, Event.SUCCEED, Event.FAIL, Event.LOSE])
def test_a_lost_attempt_is_not_heard_even_before_the_next_one_starts(database, submit, event):
    submit("job-1")
    old = claim(database).token
    move(database, "job-1", Event.LOSE, token=old)
    for _ in range(2):  # while lost, and again while queued
        with pytest.raises(IllegalStep) as refused:
            move(database, "job-1", event, token=old)
        assert refused.value.code == "jobs.stale_token"
        with database.transaction() as tx:
            if store.find(tx, "job-1").status is Status.LOST:
                store.move(tx, "job-1", Event.RETRY)


def test_after_its_end_no_token_opens_a_job(database, submit):
    submit("job-1")
    token = claim(database).token
    move(database, "job-1", Event.CANCEL)
    with pytest.raises(IllegalStep):
        move(database, "job-1", Event.START, token=token)
    with database.reading() as tx:
        assert store.find(tx, "job-1").ended_at is not None


def test_every_step_leaves_its_record(database, submit):
    submit("job-1")
    token = claim(database).token
    for event in (Event.START, Event.COLLECT, Event.SUCCEED):
        move(database, "job-1", event, token=token)
    with database.reading() as tx:
        records = [canonical_json.loads(r.canonical) for r in reversed(ledger.recent(tx, object_name="job-1"))]
    assert [(r["action"], r["before"], r["after"]) for r in records] == [
        ("job.submit", "", ""),
        ("job.enqueue", "submitted", "queued"),
        ("job.claim", "queued", "preparing"),
        ("job.start", "preparing", "running"),
        ("job.collect", "running", "collecting"),
        ("job.succeed", "collecting", "succeeded"),
    ]


def test_an_illegal_step_says_what_is_possible_and_leaves_no_record(database, submit):
    submit("job-1")
    with pytest.raises(IllegalStep) as refused:
        move(database, "job-1", Event.SUCCEED)
    assert "claim, cancel, expire" in refused.value.text()
    with database.reading() as tx:
        assert len(ledger.recent(tx, object_name="job-1")) == 2


def test_an_unknown_job_or_attempt_is_not_found(database):
    with database.transaction() as tx:
        for ask in (
            lambda: store.find(tx, "job-9"),
            lambda: store.current_attempt(tx, "job-9", 1),
            lambda: store.move(tx, "job-9", "fail"),
        ):
            with pytest.raises(NotFound):
                ask()


def test_what_the_platform_starts_itself_has_no_author(database, people):
    from jobs.spec import JobSpec

    with database.transaction() as tx:
        store.add_job(
            tx,
            job_id="job-1",
            actor=PLATFORM,
            organisation_id="operator",
            project_id=None,
            spec=JobSpec("check", "check"),
            approval_hash="",
            record=Entry.by(PLATFORM, "job.submit", "job-1"),
        )
        assert store.find(tx, "job-1").submitted_by is None


def test_jobs_are_listed_newest_first_by_owner_and_state(database, submit, project):
    for n, by in enumerate(("ann", "bea", "ann")):
        submit(f"job-{n}", by=by, project_id=project.id if n == 2 else None)
    claim(database)
    with database.reading() as tx:
        ids = [[j.id for j in store.jobs_where(tx, **by)] for by in ({}, {"organisation_id": "bank_a"}, {"project_id": project.id})]
        assert ids == [["job-2", "job-1", "job-0"], ["job-2", "job-0"], ["job-2"]]
        assert [j.id for j in store.jobs_where(tx, statuses=ACTIVE)] == ["job-0"]
        assert [j.id for j in store.jobs_where(tx, limit=1)] == ["job-2"]


def test_only_what_waits_too_long_expires(database, submit):
    submit("job-1")
    claim(database)
    submit("job-2")
    with database.transaction() as tx:
        store.expire_old(tx, clock.now() - timedelta(minutes=1))
        assert store.find(tx, "job-2").status is Status.QUEUED
        store.expire_old(tx, clock.now() + timedelta(minutes=1))
        assert [store.find(tx, f"job-{n}").status for n in (1, 2)] == [Status.PREPARING, Status.EXPIRED]


def test_a_supervisor_is_alive_while_it_says_so(database, submit):
    submit("job-1")
    claim(database, "sup-1")
    at = clock.now() + timedelta(seconds=5)
    with database.transaction() as tx:
        assert not store.supervisor_alive(tx, at - timedelta(minutes=1))
        store.beat(tx, "sup-1", at)
        store.beat(tx, "sup-1", at)
        assert store.supervisor_alive(tx, at)
        assert not store.supervisor_alive(tx, at + timedelta(seconds=1))
        assert store.current_attempt(tx, "job-1", 1).heartbeat_at == at


def test_code_counts_as_approved_once_a_job_with_it_ran(database, submit, project):
    submit("job-1", project_id=project.id, approval_hash="b" * 64)
    with database.reading() as tx:
        assert not store.approved_before(tx, project.id, "b" * 64)
    claim(database)
    with database.reading() as tx:
        assert store.approved_before(tx, project.id, "b" * 64)
        assert not store.approved_before(tx, project.id, "c" * 64)
        assert not store.approved_before(tx, "project-2", "b" * 64)
