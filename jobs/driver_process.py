"""The scheduler's client lives in a process of its own: it may hang or die with its scheduler; the supervisor only sees that it is gone.

Messages are small JSON objects over a socket pair, one each; when either end dies, the other reads the end of the stream.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

log = logging.getLogger("glovebox.driver")

Message = dict[str, Any]
LARGEST_MESSAGE = 1 << 16
LEAVE_SECONDS = 5.0


class Channel:
    """One end of the socket pair."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Message) -> bool:
        """False when the other end is gone or has stopped reading."""
        try:
            self._end.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def receive(self, seconds: float = 0.0) -> Message | None:
        """The next message; None when none arrives in time. Raises EOFError when the other end is gone."""
        if not self._wait(seconds):
            return None
        try:
            data = self._end.recv(LARGEST_MESSAGE)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        found: Message = json.loads(data)
        return found

    def _wait(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def wait_for_end(self) -> None:
        """Block until the other end is gone, whatever lies unread."""
        poll = select.poll()
        poll.register(self._end, select.POLLRDHUP)
        poll.poll()

    def close(self) -> None:
        self._end.close()


class DriverProcess:
    """A child that runs ``code`` (its argv: the channel's descriptor, then ``arguments``) in a session of its own."""

    def __init__(self, code: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            command = [sys.executable, "-c", code, str(far.fileno()), *arguments]
            self._child = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(far.fileno(),),
                start_new_session=True,
                cwd="/",
            )
        self.channel = Channel(near)

    @property
    def pid(self) -> int:
        return self._child.pid

    def ended(self) -> bool:
        return self._child.poll() is not None

    def end(self) -> None:
        """Let it leave, then kill whatever of its session is left. Safe to repeat."""
        self.channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(LEAVE_SECONDS)
        kill_session(self._child.pid)
        self._child.wait()


def kill_session(session: int) -> bool:
    """SIGKILL to every process of ``session`` but the caller, until none is left. False when some outlive the deadline.

    By session, not by group: Ray gives each worker a group of its own, and agents outlive the raylet that started them.
    """
    deadline = time.monotonic() + LEAVE_SECONDS
    while members := [pid for pid in session_members(session) if pid != os.getpid()]:
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            log.error("%d processes of session %d outlive their end", len(members), session)
            return False
        time.sleep(0.01)
    return True


def session_members(session: int) -> list[int]:
    """Pids of ``session`` that still run."""
    return [pid for pid, _, owner in _running() if owner == session]


def children_of(parent: int) -> list[int]:
    """Pids of the processes that ``parent`` started and that still run."""
    return [pid for pid, owner, _ in _running() if owner == parent]


def _running() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, session) of every process that has not ended."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                # pid (command) state parent group session; the command may hold anything
                state, parent, _, session = file.read().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    yield int(name), int(parent), int(session)
