"""Look, take one step, return. The loop may be killed anywhere: what it left is found by the next one from the tables alone.

An attempt belongs to the supervisor that claimed it while that one's heartbeat is fresh; after that anyone may declare it lost.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import assert_never

from catalog import clock
from catalog.database import Database
from catalog.errors import GloveboxError, IllegalStep
from catalog.identifiers import new_id
from jobs.attempts import attempt_folders, sweep_folders
from jobs.breakage import place_of
from jobs.kinds import Services
from jobs.lifecycle import ACTIVE, ENDED, Event, Outcome, Status
from jobs.queue import LARGEST_ATTEMPTS
from jobs.runner import AttemptRef, Runner, RunState
from jobs.store import jobs as store

log = logging.getLogger("glovebox.supervisor")

HEARTBEAT_SECONDS = 2.0
ABANDONED_AFTER_SECONDS = 15.0
PAUSE_SECONDS = 0.1
LONGEST_WAIT_DAYS = 7  # a queued or unapproved job older than this expires

Chore = Callable[[], None]


class Supervisor:
    """``chores`` are the platform's periodic duties (mailbox, checkpoints, recovery); they see no job."""

    def __init__(self, services: Services, runner: Runner, chores: Sequence[Chore] = ()) -> None:
        self.name = new_id("sup")
        self._database: Database = services.database
        self._settings = services.settings
        self._runner = runner
        self._chores = tuple(chores)
        self._last_beat = 0.0
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    def loop(self) -> None:
        """Until ``stop``. One failing chore or job never ends the loop."""
        self._runner.start()
        self._sweep()
        while not self._stopping:
            self._guarded(self.tick)
            time.sleep(PAUSE_SECONDS)
        self._runner.close()
        self._guarded(self._hand_over)

    def _hand_over(self) -> None:
        """A clean end: what was running is free for the next supervisor at once, and no job's rows stay in memory."""
        with self._database.reading() as tx:
            mine = [(job, attempt) for job, attempt in store.active_attempts(tx) if attempt.supervisor == self.name]
        for job, attempt in mine:
            if job.status in ACTIVE:
                self._lose(job, attempt)
        self._sweep()
        with contextlib.suppress(OSError):
            self._settings.tmpfs_dir.rmdir()

    def tick(self) -> None:
        """One look at everything, one step each."""
        for chore in self._chores:
            self._guarded(chore)
        self._beat()
        with self._database.reading() as tx:
            active = store.active_attempts(tx)
            waiting, running = store.waiting_and_running(tx)
        for job, attempt in active:
            self._guarded(lambda job=job, attempt=attempt: self.advance(job, attempt))  # type: ignore[misc]
        slots = self._runner.slots  # asked at every look: a scheduler that died is started again before the next job comes
        if waiting and len(running) < slots:
            self._guarded(self._claim)

    def advance(self, job: store.Job, attempt: store.AttemptRow) -> None:
        """One step for one job; running it twice is harmless."""
        match job.status:
            case Status.PREPARING | Status.RUNNING | Status.COLLECTING:
                self._watch(job, attempt)
            case Status.LOST:
                self._retry_or_fail(job)
            case Status.QUEUED | Status.SUBMITTED | Status.AWAITING_APPROVAL:
                return
            case Status.SUCCEEDED | Status.FAILED | Status.CANCELLED | Status.REFUSED | Status.EXPIRED:
                return
            case _:
                assert_never(job.status)

    def _watch(self, job: store.Job, attempt: store.AttemptRow) -> None:
        ref = AttemptRef(job.id, attempt.number)
        mine = attempt.supervisor == self.name
        if not mine:
            if clock.now() - attempt.heartbeat_at > timedelta(seconds=ABANDONED_AFTER_SECONDS):
                self._lose(job, attempt)
            return
        if job.cancel_requested:
            self._runner.stop(ref)
            self._move(job, attempt, Event.CANCEL, "cancelled")
            return
        if self._runner.look(ref) is not RunState.ALIVE:
            self._lose(job, attempt)

    def _lose(self, job: store.Job, attempt: store.AttemptRow) -> None:
        """The worker is gone. Look again first: it may have recorded its end since we read the row."""
        log.warning("attempt %s/%s is lost in state %s", job.id, attempt.number, job.status)
        self._move(job, attempt, Event.LOSE, "lost")

    def _move(self, job: store.Job, attempt: store.AttemptRow, event: Event, ending: str) -> None:
        try:
            with self._database.transaction() as tx:
                fresh = store.find(tx, job.id)
                if fresh.status in ENDED or fresh.attempt != attempt.number or fresh.status is Status.LOST:
                    return
                store.move(tx, job.id, event, token=attempt.token)
                store.end_attempt(tx, job.id, attempt.number, ending)
        except IllegalStep as error:
            log.info("job %s moved on by itself: %s", job.id, error.code)

    def _retry_or_fail(self, job: store.Job) -> None:
        with self._database.transaction() as tx:
            fresh = store.find(tx, job.id)
            if fresh.status is not Status.LOST:
                return
            if fresh.cancel_requested:
                store.move(tx, job.id, Event.CANCEL)
            elif fresh.attempt >= LARGEST_ATTEMPTS:
                why = {"code": "jobs.lost_too_often", "params": {"attempts": fresh.attempt}}
                store.move(tx, job.id, Event.FAIL, why=why, outcome=str(Outcome.POLICY))
            else:
                store.move(tx, job.id, Event.RETRY)

    def _claim(self) -> None:
        with self._database.transaction() as tx:
            job = store.claim_next(tx, self.name, self._runner.slots)
        if job is not None:
            self._runner.run(AttemptRef(job.id, job.attempt))

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._last_beat < HEARTBEAT_SECONDS:
            return
        self._last_beat = now
        with self._database.transaction() as tx:
            store.beat(tx, self.name, clock.now())
            store.expire_old(tx, clock.now() - timedelta(days=LONGEST_WAIT_DAYS))
        self._sweep()

    def _sweep(self) -> None:
        """A worker that was killed could not delete its folder of rows."""
        found = attempt_folders(self._settings.tmpfs_dir)
        if not found:
            return
        with self._database.reading() as tx:
            live = {f"{job.id}.{attempt.number}" for job, attempt in store.active_attempts(tx) if job.status in ACTIVE}
        sweep_folders(found, live)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except GloveboxError as error:
            log.error("%s: %s", type(error).__name__, error.code)
        except Exception as error:
            log.error("the supervisor's step broke: %s", place_of(error))
