"""The two processes by which a jail is held: bubblewrap outside, and the first process of the job's pid namespace.

Killing the latter kills every process of the job. Both are held by pidfd, so a recycled pid is never signalled.
bubblewrap asks to die with the *thread* that started it: one thread must start a jail and wait for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.errors import JailUnavailable

LARGEST_INFO = 4096
END_SECONDS = 10.0
SAID_BYTES = 400


@dataclass(slots=True)
class Processes:
    """A started bubblewrap. ``end_descriptor`` becomes readable when it has ended."""

    outer: subprocess.Popen[bytes]
    end_descriptor: int
    inner_pid: int = 0
    inner: int | None = None

    def ended(self) -> bool:
        return self.outer.poll() is not None

    def kill(self) -> None:
        """SIGKILL to the whole job; safe to repeat."""
        for descriptor in (self.inner, self.end_descriptor):
            if descriptor is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)

    def finish(self) -> int:
        """Kill what is left (a job's daemons too), reap, and return the exit code as a shell counts it."""
        if self.inner is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.inner, signal.SIGKILL)
            wait_readable([self.inner], END_SECONDS)
        code = self.outer.wait()
        return 128 - code if code < 0 else code

    def close(self) -> None:
        self.kill()
        self.outer.wait()
        if self.outer.stdout is not None:
            self.outer.stdout.close()
        for descriptor in (self.inner, self.end_descriptor):
            if descriptor is not None:
                os.close(descriptor)


def wait_readable(descriptors: Sequence[int], seconds: float) -> set[int]:
    """The descriptors that can be read (or have ended) within ``seconds``. Not select(): a worker may hold over 1,024."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)}


def spawn(command: Sequence[str], descriptors: Sequence[int]) -> Processes:
    """Start the host command with exactly ``descriptors`` besides stdio; output and errors share one pipe."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    outer = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(descriptors),
        env=environment,
        cwd="/",
    )
    return Processes(outer, os.pidfd_open(outer.pid))


def await_inner(processes: Processes, info: int, seconds: float) -> None:
    """Learn the job's first process from bubblewrap's info pipe. Raises JailUnavailable with what bubblewrap said."""
    text = _read_info(info, time.monotonic() + seconds)
    try:
        processes.inner_pid = int(json.loads(text)["child-pid"])
        processes.inner = os.pidfd_open(processes.inner_pid)
    except (ValueError, KeyError, ProcessLookupError) as error:
        processes.kill()
        raise JailUnavailable("jail.start_failed", reason=said(processes)) from error


def _read_info(info: int, deadline: float) -> bytes:
    text = b""
    while not text.rstrip().endswith(b"}") and len(text) < LARGEST_INFO:
        if not wait_readable([info], deadline - time.monotonic()):
            return b""
        data = os.read(info, LARGEST_INFO)
        if not data:
            return b""
        text += data
    return text


def said(processes: Processes) -> str:
    """What the stage or bubblewrap wrote before it failed: no job ran yet, so it holds no data."""
    processes.outer.wait()
    stream = processes.outer.stdout
    return (stream.read()[-SAID_BYTES:] if stream else b"").decode("utf-8", "replace").strip() or "no message"
