"""One suite for the Runner port, run on every implementation: a child process per attempt, and a real Ray.

The attempts are real ones of a real home. To keep one alive for as long as a test needs, the test holds the database's write lock:
the attempt waits at its first write, and goes on when the lock is let go.
"""

import os
import signal
import time
from contextlib import contextmanager

import pytest

from catalog.actors import PLATFORM
from catalog.database import Database
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from gateway.composition import initialise_home
from jobs.lifecycle import ENDED, Event
from jobs.local_runner import LocalRunner
from jobs.ray_runner import RayRunner
from jobs.runner import AttemptRef, RunState
from jobs.spec import JobSpec
from jobs.store import jobs as store

PATIENCE = 60.0
RUNNERS = {"local": LocalRunner, "ray": RayRunner}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    path = tmp_path_factory.mktemp("runner") / "home"
    initialise_home(path)
    return path


@pytest.fixture(scope="module")
def metadata(home):
    database = Database(f"sqlite:///{home / 'glovebox.db'}")
    yield database
    database.close()


@pytest.fixture(scope="module", params=RUNNERS)
def opened(request, home):
    runner = RUNNERS[request.param](home, 2)
    runner.start()
    yield runner
    runner.close()


@pytest.fixture
def runner(opened):
    opened.start()
    return opened


@pytest.fixture
def attempt(metadata):
    """A claimed attempt. Its job asks for what nobody granted, so that it ends by itself, refused, as soon as it may write."""

    def claimed():
        with metadata.transaction() as tx:
            store.add_job(
                tx,
                job_id=new_id("job"),
                actor=PLATFORM,
                organisation_id="operator",
                project_id=None,
                spec=JobSpec("train", "fit"),
                approval_hash="",
                record=Entry.by(PLATFORM, "job.submit", "job"),
            )
            for job in store.jobs_where(tx, statuses=("submitted",)):
                store.move(tx, job.id, Event.ENQUEUE)
            job = store.claim_next(tx, "sup-1", slots=999)
        return AttemptRef(job.id, job.attempt)

    yield claimed
    with metadata.transaction() as tx:  # leave the queue empty for the next test
        for job, _ in store.active_attempts(tx):
            store.move(tx, job.id, Event.CANCEL)


@contextmanager
def held(metadata):
    with metadata.transaction():
        yield


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ended(runner, ref):
    return lambda: runner.look(ref) is RunState.ENDED


def gone(pid):
    def is_gone():
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    return is_gone


def status(metadata, ref):
    with metadata.reading() as tx:
        return store.find(tx, ref.job_id).status


def test_what_was_never_started_is_unknown_and_stopping_it_is_harmless(runner):
    ref = AttemptRef("job-nowhere", 1)
    assert runner.look(ref) is RunState.UNKNOWN
    runner.stop(ref)
    assert runner.look(ref) is not RunState.ALIVE
    assert runner.slots == 2


def test_an_attempt_is_alive_until_it_ends_by_itself(runner, attempt, metadata):
    ref = attempt()
    with held(metadata):
        runner.run(ref)
        assert runner.look(ref) is RunState.ALIVE
    until(ended(runner, ref))
    assert status(metadata, ref) in ENDED
    assert runner.look(ref) is RunState.ENDED


def test_starting_what_is_alive_starts_nothing(runner, attempt, metadata):
    ref = attempt()
    with held(metadata):
        runner.run(ref)
        pid = runner.pid(ref)
        runner.run(ref)
        assert runner.pid(ref) == pid
    until(ended(runner, ref))


def test_two_attempts_run_side_by_side(runner, attempt, metadata):
    refs = [attempt(), attempt()]
    with held(metadata):
        for ref in refs:
            runner.run(ref)
        assert len({runner.pid(ref) for ref in refs}) == 2
        assert [runner.look(ref) for ref in refs] == [RunState.ALIVE] * 2
    for ref in refs:
        until(ended(runner, ref))


def test_a_stopped_attempt_is_gone_with_its_process_and_changed_nothing(runner, attempt, metadata):
    ref = attempt()
    with held(metadata):
        runner.run(ref)
        pid = runner.pid(ref)
        runner.stop(ref)
        assert runner.look(ref) is not RunState.ALIVE
        until(gone(pid))
        runner.stop(ref)
    assert status(metadata, ref) == "preparing"


def test_a_killed_worker_is_seen_and_the_next_attempt_runs(runner, attempt, metadata):
    ref = attempt()
    with held(metadata):
        runner.run(ref)
        os.kill(runner.pid(ref), signal.SIGKILL)
        until(ended(runner, ref))
    assert status(metadata, ref) == "preparing"  # what follows is the supervisor's to decide
    following = attempt()
    runner.run(following)
    until(ended(runner, following))
    assert status(metadata, following) in ENDED


def test_more_attempts_than_slots_one_after_another_though_nobody_looks(runner, attempt, metadata):
    """A supervisor stops looking at a job that has ended; the slot is free all the same."""
    for _ in range(5):
        ref = attempt()
        runner.run(ref)
        until(lambda ref=ref: status(metadata, ref) in ENDED)


def test_a_stale_attempt_ends_and_changes_nothing(runner, attempt, metadata):
    ref = attempt()
    with metadata.transaction() as tx:
        store.move(tx, ref.job_id, Event.LOSE)
    runner.run(ref)
    until(ended(runner, ref))
    assert status(metadata, ref) == "lost"


def test_closing_ends_everything_and_it_can_be_started_again(runner, attempt, metadata):
    ref = attempt()
    with held(metadata):
        runner.run(ref)
        pid = runner.pid(ref)
        runner.close()
        runner.close()
        until(gone(pid))
        assert runner.look(ref) is not RunState.ALIVE
    runner.start()
    runner.start()
    following = attempt()
    runner.run(following)
    until(ended(runner, following))
    assert status(metadata, following) in ENDED


def test_rays_folder_and_token_are_the_services_alone(opened, home):
    if isinstance(opened, LocalRunner):
        return
    assert opened.temp_dir.parent.stat().st_mode & 0o777 == 0o700
    assert (home / "keys" / "ray.token").stat().st_mode & 0o777 == 0o600
    with open(f"/proc/{opened.driver_pid}/environ") as file:
        assert "RAY_AUTH_MODE=token" in file.read().split("\0")
