"""Keeps a child process alive: starts it again when it dies, waiting longer each time it dies young, and ends it with its parent."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

log = logging.getLogger("glovebox.keeper")

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
GROWN_UP_SECONDS = 60.0  # a child that lived this long did not die of its start
LEAVE_SECONDS = 20.0  # to end its jobs and Ray after SIGTERM
WITH_PARENT = "GLOVEBOX_WITH_PARENT"  # tells the child whose end is its own


class Keeper:
    """One child. ``start`` returns at once; ``stop`` returns when the child is gone."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._command = list(command)
        self._environment = {**(os.environ if environment is None else environment), WITH_PARENT: str(os.getpid())}
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to end, then make it. Safe to repeat, and before ``start``."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        wait = SHORTEST_WAIT_SECONDS
        while not self._stopping.is_set():
            born = time.monotonic()
            self._child = subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)
            self.starts += 1
            self._watch(self._child)
            if self._stopping.is_set():
                break
            wait = SHORTEST_WAIT_SECONDS if time.monotonic() - born > GROWN_UP_SECONDS else wait
            log.warning("the child ended with %s; again in %.1f s", self._child.returncode, wait)
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        if self._child is not None:
            end(self._child)

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        while child.poll() is None and not self._stopping.wait(0.2):
            pass


def end(child: subprocess.Popen[bytes], leave_seconds: float = LEAVE_SECONDS) -> None:
    """SIGTERM, time to leave, SIGKILL."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(leave_seconds)
    except subprocess.TimeoutExpired:
        log.warning("the child did not leave within %.0f s and is killed", leave_seconds)
        child.kill()
        child.wait()


def parent_has_ended() -> bool:
    """In a kept child: its keeper is gone, however it went. False where nobody keeps it."""
    parent = os.environ.get(WITH_PARENT)
    return parent is not None and os.getppid() != int(parent)
