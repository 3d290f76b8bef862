"""A runner whose scheduler's client is a driver process of its own. Which scheduler, the subclass says (jobs/ray_runner.py).

When the driver dies, or what it drives, every attempt is seen to have ended, and a fresh driver is started in the background:
the supervisor never waits for a scheduler, and its heart goes on beating.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import OrderedDict

from catalog.errors import Unavailable
from jobs.driver_process import DriverProcess, Message
from jobs.runner import AttemptRef, RunState

log = logging.getLogger("glovebox.driver")

START_SECONDS = 120.0  # a cold start takes 10-15 s, on a loaded machine several times that
STOP_SECONDS = 10.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0
MOST_REMEMBERED = 1000  # attempts that ended: enough for any supervisor that still asks


class DrivenRunner:
    """Implements the port (jobs/runner.py) by messages. The driver answers ready, failed, running (with the worker's pid) and ended."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._driver: DriverProcess | None = None
        self._ready = False
        self._started = 0.0
        self._error = ""
        self._busy: dict[AttemptRef, int] = {}  # the worker's pid, 0 while it is not known
        self._ended: OrderedDict[AttemptRef, None] = OrderedDict()

    def make_driver(self) -> DriverProcess:
        """Start the driver process. Raises Unavailable."""
        raise NotImplementedError

    @property
    def slots(self) -> int:
        """How many attempts may run at once: none while the scheduler starts again after it died."""
        self._listen()
        if self._driver is not None and not self._ready and time.monotonic() > self._started + START_SECONDS:
            log.error("the driver does not get ready")
            self._lose_driver()
        if self._driver is None and self._started:
            self._revive()
        return self._slots if self._ready or not self._started else 0

    @property
    def driver_pid(self) -> int:
        """The process that is the scheduler's client; 0 while there is none."""
        return self._driver.pid if self._driver is not None else 0

    def start(self) -> None:
        """Returns when every worker has imported what an attempt needs. Raises Unavailable when that fails or takes too long."""
        self._listen()
        if self._driver is None:
            self._spawn()
        deadline = self._started + START_SECONDS
        while not self._ready:
            if not self._listen(0.2) or time.monotonic() > deadline:
                self._lose_driver()
                self._started = 0.0
                raise Unavailable("ray.not_started", error=self._error)

    def _spawn(self) -> None:
        self._error = "ended or silent"
        self._started = time.monotonic()
        self._driver = self.make_driver()

    def _revive(self) -> None:
        """Start Ray again without waiting for it: the supervisor's heart must go on beating."""
        if time.monotonic() - self._started > PAUSE_AFTER_FAILURE_SECONDS:
            with contextlib.suppress(Unavailable, OSError):
                self._spawn()

    def run(self, ref: AttemptRef) -> None:
        if self.look(ref) is RunState.ALIVE:
            return
        if not self._started:
            self.start()
        elif self._driver is None:
            self._spawn()  # not waited for: the driver reads its messages when it is ready
        self._busy[ref] = 0
        if not self._tell("run", ref):
            self._lose_driver()

    def look(self, ref: AttemptRef) -> RunState:
        self._listen()
        if ref in self._busy:
            return RunState.ALIVE
        return RunState.ENDED if ref in self._ended else RunState.UNKNOWN

    def pid(self, ref: AttemptRef) -> int:
        """The worker process that executes ``ref``: what an operator looks at, and kill tests kill."""
        deadline = time.monotonic() + START_SECONDS
        while not self._busy[ref] and time.monotonic() < deadline:
            self._listen(0.05)
        return self._busy[ref]

    def stop(self, ref: AttemptRef) -> None:
        if self.look(ref) is not RunState.ALIVE:
            return
        deadline = time.monotonic() + STOP_SECONDS
        told = self._tell("stop", ref)
        while told and ref in self._busy and time.monotonic() < deadline:
            self._listen(0.05)
        if ref in self._busy:  # no answer: end everything, so that the attempt has ended for certain
            self._lose_driver()

    def close(self) -> None:
        self._lose_driver()
        self._started = 0.0

    def _tell(self, what: str, ref: AttemptRef) -> bool:
        message = {"do": what, "job": ref.job_id, "number": ref.number}
        return self._driver is not None and self._driver.channel.send(message)

    def _listen(self, seconds: float = 0.0) -> bool:
        """Take what the driver says; False when there is no driver any more."""
        while self._driver is not None:
            try:
                message = self._driver.channel.receive(seconds)
            except EOFError:
                log.warning("the driver is gone, and with it %d attempts", len(self._busy))
                self._lose_driver()
                return False
            if message is None:
                return True
            self._take(message)
            seconds = 0.0
        return False

    def _take(self, message: Message) -> None:
        match message["said"]:
            case "ready":
                self._ready = True
            case "failed":
                self._error = str(message["error"])
                log.error("the driver did not start: %s", self._error)
            case "running":
                ref = AttemptRef(message["job"], message["number"])
                if ref in self._busy:
                    self._busy[ref] = int(message["pid"])
            case "ended":
                self._end(AttemptRef(message["job"], message["number"]))

    def _lose_driver(self) -> None:
        """End the driver with everything it started; every attempt has then ended."""
        if self._driver is not None:
            self._driver.end()
            self._driver = None
        self._ready = False
        for ref in list(self._busy):
            self._end(ref)

    def _end(self, ref: AttemptRef) -> None:
        self._busy.pop(ref, None)
        self._ended[ref] = None
        while len(self._ended) > MOST_REMEMBERED:
            self._ended.popitem(last=False)
