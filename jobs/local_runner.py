"""Runs each attempt in a child process of its own, without Ray: for one machine, and as the port's plain second implementation."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from jobs.runner import AttemptRef, RunState

WORKER = "import sys; from jobs.attempts import execute; execute(sys.argv[1], sys.argv[2], int(sys.argv[3]))"


class LocalRunner:
    """One process group per attempt, so that stopping it leaves nothing behind."""

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
        environment = {**os.environ, "GLOVEBOX_HOME": str(self._home)}
        self._children[ref] = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)

    def look(self, ref: AttemptRef) -> RunState:
        child = self._children.get(ref)
        if child is None:
            return RunState.UNKNOWN
        return RunState.ALIVE if child.poll() is None else RunState.ENDED

    def pid(self, ref: AttemptRef) -> int:
        """The process that executes ``ref``: what an operator looks at, and kill tests kill."""
        return self._children[ref].pid

    def stop(self, ref: AttemptRef) -> None:
        child = self._children.get(ref)
        if child is None or child.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def close(self) -> None:
        for ref in list(self._children):
            self.stop(ref)
