"""Runs each attempt in a child process of its own, without Ray: for one machine, and as the port's plain second implementation."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from jobs.attempts import execute
from jobs.runner import AttemptRef, RunState
from jobs.worker_environment import worker_environment

WORKER = "import sys; from jobs.local_runner import work; work(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
MOST_REMEMBERED = 1000  # attempts that ended: enough for any supervisor that still asks


class LocalRunner:
    """One process group per attempt, so that stopping it leaves nothing behind. An attempt ends with the process that started it."""

    def __init__(self, home: Path, slots: int = 2) -> None:
        self._home = home
        self._slots = slots
        self._children: dict[AttemptRef, subprocess.Popen[bytes]] = {}

    @property
    def slots(self) -> int:
        return self._slots

    def start(self) -> None:
        return None

    def run(self, ref: AttemptRef) -> None:
        if self.look(ref) is RunState.ALIVE:
            return
        command = [sys.executable, "-c", WORKER, str(self._home), ref.job_id, str(ref.number)]
        # Nothing is ever written to the pipe: its end tells the child that we are gone.
        self._children[ref] = subprocess.Popen(
            command, env=worker_environment(self._home), stdin=subprocess.PIPE, start_new_session=True, cwd="/"
        )
        self._tidy()

    def look(self, ref: AttemptRef) -> RunState:
        child = self._children.get(ref)
        if child is None:
            return RunState.UNKNOWN
        if child.poll() is None:
            return RunState.ALIVE
        _hang_up(child)
        return RunState.ENDED

    def pid(self, ref: AttemptRef) -> int:
        """The process that executes ``ref``: what an operator looks at, and kill tests kill."""
        return self._children[ref].pid

    def stop(self, ref: AttemptRef) -> None:
        child = self._children.get(ref)
        if child is None or self.look(ref) is not RunState.ALIVE:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        _hang_up(child)

    def close(self) -> None:
        for ref in list(self._children):
            self.stop(ref)

    def _tidy(self) -> None:
        """A supervisor stops looking at a job that has ended: reap its child all the same, and forget the oldest."""
        ended = [ref for ref in self._children if self.look(ref) is RunState.ENDED]
        for ref in ended[: max(0, len(self._children) - MOST_REMEMBERED)]:
            del self._children[ref]


def _hang_up(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()


def work(home: str, job_id: str, number: int) -> None:
    """The child: one attempt, ended at once with all it started when the runner's process is gone."""
    threading.Thread(target=_follow, daemon=True).start()
    execute(home, job_id, number)


def _follow() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the pipe's other end is closed
    os.killpg(0, signal.SIGKILL)
