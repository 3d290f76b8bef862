"""The supervisor looks, takes one step, returns. Whatever dies at whatever moment, the next look finds the way on.

``Stage`` is the Runner port over nothing: the test says what each attempt is doing.
"""

from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest

from catalog import clock
from catalog.actors import PLATFORM
from catalog.errors import Unavailable
from catalog.ledger.record import Entry
from catalog.settings import Settings
from jobs import supervisor as module
from jobs.lifecycle import Event, Status
from jobs.queue import LARGEST_ATTEMPTS
from jobs.runner import AttemptRef, RunState
from jobs.store import jobs as store
from jobs.supervisor import ABANDONED_AFTER_SECONDS, Supervisor


class Stage:
    """A runner whose attempts live until the test ends them."""

    def __init__(self, slots=2):
        self.slots = slots
        self.alive, self.started, self.stopped = set(), [], []

    def start(self):
        return None

    def run(self, ref):
        if ref not in self.alive:
            self.alive.add(ref)
            self.started.append(ref)

    def look(self, ref):
        if ref in self.alive:
            return RunState.ALIVE
        return RunState.ENDED if ref in self.started else RunState.UNKNOWN

    def stop(self, ref):
        self.alive.discard(ref)
        self.stopped.append(ref)

    def close(self):
        self.alive.clear()

    def kill(self, ref):
        """kill -9 from outside: the attempt is gone and said nothing."""
        self.alive.discard(ref)


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def services(database, tmp_path):
    return SimpleNamespace(database=database, settings=Settings(home=tmp_path))


@pytest.fixture
def supervisor(services, stage):
    return Supervisor(services, stage)


@dataclass
class Worker:
    """What the process behind an attempt does to the tables, step by step."""

    database: object
    ref: AttemptRef
    token: str

    def does(self, *events):
        for event in events:
            with self.database.transaction() as tx:
                store.move(tx, self.ref.job_id, event, token=self.token)
        return self


@pytest.fixture
def worker(database, stage):
    def at_work():
        ref = stage.started[-1]
        with database.reading() as tx:
            return Worker(database, ref, store.current_attempt(tx, ref.job_id, ref.number).token)

    return at_work


PHASES = {"preparing": (), "running": (Event.START,), "collecting": (Event.START, Event.COLLECT)}


def test_a_queued_job_is_started_and_left_alone_while_it_runs(supervisor, stage, submit, status, worker):
    submit("job-1")
    supervisor.tick()
    assert (stage.started, status("job-1")) == ([AttemptRef("job-1", 1)], "preparing")
    for events, seen in (((), "preparing"), ((Event.START,), "running"), ((Event.COLLECT,), "collecting"), ((Event.SUCCEED,), "succeeded")):
        worker().does(*events)
        supervisor.tick()
        supervisor.tick()
        assert status("job-1") == seen
    assert len(stage.started) == 1


def test_no_more_run_than_there_are_slots(supervisor, stage, submit):
    for n in range(4):
        submit(f"job-{n}")
    for _ in range(6):
        supervisor.tick()
    assert len(stage.started) == stage.slots


@pytest.mark.parametrize("phase", PHASES)
def test_a_job_whose_worker_was_killed_runs_again(supervisor, stage, submit, status, worker, phase):
    submit("job-1")
    supervisor.tick()
    first = worker().does(*PHASES[phase])
    stage.kill(first.ref)
    seen = []
    for _ in range(3):
        supervisor.tick()
        seen.append(status("job-1"))
    assert seen == ["lost", "preparing", "preparing"] or seen == ["lost", "queued", "preparing"]
    assert stage.started[-1] == AttemptRef("job-1", 2)
    worker().does(Event.START, Event.COLLECT, Event.SUCCEED)
    supervisor.tick()
    assert status("job-1") == "succeeded"


@pytest.mark.parametrize("phase", PHASES)
def test_a_job_that_is_lost_every_time_fails_with_a_reason(supervisor, stage, submit, status, worker, database, phase):
    submit("job-1")
    for _ in range(20):
        supervisor.tick()
        if stage.alive:
            stage.kill(worker().does(*PHASES[phase]).ref)
    assert [ref.number for ref in stage.started] == list(range(1, LARGEST_ATTEMPTS + 1))
    with database.reading() as tx:
        job = store.find(tx, "job-1")
    assert (job.status, job.why["code"], job.why["params"]) == (Status.FAILED, "jobs.lost_too_often", {"attempts": LARGEST_ATTEMPTS})


def test_the_worker_of_a_lost_attempt_is_not_heard_any_more(supervisor, stage, submit, status, worker):
    submit("job-1")
    supervisor.tick()
    first = worker().does(Event.START)
    stage.kill(first.ref)  # so it seems; in truth the machine was only slow
    for _ in range(3):
        supervisor.tick()
    with pytest.raises(Exception, match="no longer the current one"):
        first.does(Event.COLLECT)
    assert status("job-1") == "preparing"


def test_a_worker_that_ends_while_it_is_looked_at_is_not_lost(supervisor, stage, submit, status, worker, database):
    """The row was read while the job ran; by the time the runner is asked, worker and job have ended."""
    submit("job-1")
    supervisor.tick()
    with database.reading() as tx:
        [(job, attempt)] = store.active_attempts(tx)
    stage.kill(worker().does(Event.START, Event.COLLECT, Event.SUCCEED).ref)
    supervisor.advance(job, attempt)
    assert status("job-1") == "succeeded"


def ask_to_cancel(database, job_id):
    with database.transaction() as tx:
        store.request_cancel(tx, job_id, record=Entry.by(PLATFORM, "job.ask_cancel", job_id))


@pytest.mark.parametrize("phase", PHASES)
def test_cancelling_stops_the_worker_and_is_not_failing(supervisor, stage, submit, status, worker, database, phase):
    submit("job-1")
    supervisor.tick()
    ref = worker().does(*PHASES[phase]).ref
    ask_to_cancel(database, "job-1")
    supervisor.tick()
    assert (status("job-1"), stage.stopped) == ("cancelled", [ref])
    supervisor.tick()
    assert stage.stopped == [ref]


def test_a_lost_job_that_was_to_be_cancelled_does_not_run_again(supervisor, stage, submit, status, worker, database):
    submit("job-1")
    supervisor.tick()
    stage.kill(worker().ref)
    supervisor.tick()
    ask_to_cancel(database, "job-1")
    supervisor.tick()
    assert status("job-1") == "cancelled"
    assert len(stage.started) == 1


def later(monkeypatch, seconds):
    now = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: now)


def test_what_waits_a_week_expires(supervisor, stage, submit, status, monkeypatch):
    stage.slots = 0
    submit("job-1")
    supervisor.tick()
    assert status("job-1") == "queued"
    later(monkeypatch, 7 * 86400 + 60)
    supervisor._last_beat = 0.0
    supervisor.tick()
    assert status("job-1") == "expired"


def test_a_second_supervisor_leaves_the_first_ones_jobs_alone(services, supervisor, stage, submit, status):
    other = Supervisor(services, Stage())
    submit("job-1")
    supervisor.tick()
    for _ in range(3):
        other.tick()
    assert status("job-1") == "preparing"
    assert other._runner.started == []


def test_a_dead_supervisors_jobs_are_taken_over_when_its_heartbeat_stops(services, supervisor, submit, status, monkeypatch):
    other_stage = Stage()
    other = Supervisor(services, other_stage)
    submit("job-1")
    supervisor.tick()  # and then it is killed
    later(monkeypatch, ABANDONED_AFTER_SECONDS - 1)
    other.tick()
    assert status("job-1") == "preparing"
    later(monkeypatch, 2)
    for _ in range(3):
        other.tick()
    assert other_stage.started == [AttemptRef("job-1", 2)]


def test_two_supervisors_find_the_same_lost_job_and_it_is_retried_once(services, supervisor, submit, status, database, monkeypatch):
    heirs = [Supervisor(services, Stage()) for _ in range(2)]
    submit("job-1")
    supervisor.tick()
    later(monkeypatch, ABANDONED_AFTER_SECONDS + 1)
    with database.reading() as tx:
        [(job, attempt)] = store.active_attempts(tx)
    for heir in heirs:
        heir.advance(job, attempt)
    with database.reading() as tx:
        [(lost, attempt)] = store.active_attempts(tx)
    for heir in heirs:
        heir.advance(lost, attempt)
    for heir in heirs:
        heir.tick()
    assert sum(len(heir._runner.started) for heir in heirs) == 1
    with database.reading() as tx:
        assert store.find(tx, "job-1").attempt == 2


def test_an_attempt_the_runner_never_took_is_retried(supervisor, stage, submit, status, monkeypatch):
    """Killed between claiming and starting, or a runner that had no worker to give."""
    submit("job-1")

    def no_worker(ref):
        raise Unavailable("ray.not_started", error="ended")

    with monkeypatch.context() as patch:
        patch.setattr(stage, "run", no_worker)
        supervisor.tick()
    for _ in range(3):
        supervisor.tick()
    assert stage.started == [AttemptRef("job-1", 2)]


def test_one_failing_chore_stops_nothing(services, stage, submit, status):
    done = []

    def breaks():
        raise ZeroDivisionError

    submit("job-1")
    Supervisor(services, stage, chores=[breaks, lambda: done.append(1)]).tick()
    assert done == [1]
    assert status("job-1") == "preparing"


def test_the_loop_survives_a_database_that_is_away_for_a_moment(services, stage, submit, status, monkeypatch):
    submit("job-1")
    supervisor = Supervisor(services, stage)
    looks = []

    def away_at_first(tx):
        looks.append(1)
        if len(looks) == 1:
            raise ConnectionError
        supervisor.stop()
        return []

    monkeypatch.setattr(supervisor, "_sweep", lambda: None)
    monkeypatch.setattr(module.store, "active_attempts", away_at_first)
    supervisor.loop()
    assert len(looks) == 3  # the last when it hands over
    assert status("job-1") == "preparing"


def test_folders_nobody_uses_any_more_are_swept_at_the_start(services, stage, submit, tmp_path, monkeypatch):
    from jobs.attempts import make_folder

    submit("job-1")
    supervisor = Supervisor(services, stage)
    supervisor.tick()
    folders = tmp_path / "shm"
    monkeypatch.setattr(Settings, "tmpfs_dir", property(lambda self: folders))
    live, dead = make_folder(folders, "job-1", 1), make_folder(folders, "job-0", 1)
    supervisor._sweep()
    assert (live.exists(), dead.exists()) == (True, False)
