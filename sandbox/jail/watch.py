"""Watches a running job: drains its log keeping the head, ends it when its wall or CPU time is up."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from sandbox.jail.limits import Group
from sandbox.jail.processes import Processes, wait_readable
from sandbox.jail.spec import Limits

LOOK_SECONDS = 0.1
READ_BYTES = 1 << 16


@dataclass(slots=True)
class Log:
    """The head of a job's output; the rest is read and dropped, so that a flood neither blocks the job nor fills memory."""

    source: int
    most: int
    head: bytearray
    open: bool = True

    def drain(self) -> None:
        """Read what is there now."""
        while self.open and wait_readable([self.source], 0.0):
            data = os.read(self.source, READ_BYTES)
            self.open = bool(data)
            self.head += data[: max(0, self.most - len(self.head))]
            if len(data) < READ_BYTES:
                return


def watch(processes: Processes, group: Group, log: Log, limits: Limits) -> bool:
    """Wait for the job's end; True when it had to be ended for its time. Wall time counts from the call."""
    deadline = time.monotonic() + limits.wall_seconds
    next_look = 0.0
    while not processes.ended():
        now = time.monotonic()
        if now >= deadline or (now >= next_look and group.cpu_seconds() > limits.cpu_seconds):
            processes.kill()
            return True
        if now >= next_look:
            next_look = now + LOOK_SECONDS
        ready = [processes.end_descriptor] + ([log.source] if log.open else [])
        if log.source in wait_readable(ready, min(LOOK_SECONDS, deadline - now)):
            log.drain()
    return group.cpu_seconds() > limits.cpu_seconds
