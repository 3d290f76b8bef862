"""The parent's half of the in-jail preflight: send the order, receive the proof and the writable folders, judge, release.

Nothing of a bank's runs before ``release``. The proof comes from the jail that will run the job, not from a rehearsal.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import JailUnavailable
from sandbox.jail.limits import rlimits
from sandbox.jail.spec import JailSpec

START_SECONDS = 30.0
LARGEST_PROOF = 1 << 16
# A tmpfs is sized in whole pages.
PAGE = 4096

Proof = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Folders:
    """Descriptors of the jail's writable folders: they outlive its mount namespace."""

    out: int
    tmp: int
    shm: int

    def close(self) -> None:
        for number in (self.out, self.tmp, self.shm):
            os.close(number)

    def any_full(self) -> bool:
        return any(os.fstatvfs(number).f_bavail == 0 for number in (self.out, self.tmp, self.shm))


# What must hold inside, by name; the name of a layer that does not is what the refusal says.
INSIDE: tuple[tuple[str, Callable[[Proof], bool]], ...] = (
    ("pid namespace", lambda proof: proof["session"] is True),
    ("uid", lambda proof: proof["uid"] != 0),
    ("capabilities", lambda proof: proof["capabilities"] == 0),
    ("no_new_privs", lambda proof: proof["no_new_privileges"] == "1"),
    ("seccomp", lambda proof: proof["seccomp"] == "2"),
    ("ptrace denied", lambda proof: proof["ptrace"] == "EPERM"),
    ("socket families denied", lambda proof: proof["families_open"] == []),
    ("network namespace", lambda proof: proof["interfaces"] == ["lo"]),
    ("read-only root", lambda proof: proof["writable"] == []),
    ("inherited descriptors", lambda proof: proof["descriptors"] == []),
    ("cgroup namespace", lambda proof: proof["groups_hidden"] is True),
)


def receive_proof(channel: socket.socket, spec: JailSpec) -> tuple[Proof, Folders]:
    """Order the launcher to bound and prove itself. Raises JailUnavailable when it does not answer in time or cannot."""
    order = {"rlimits": rlimits(spec.limits), "program": list(spec.program), "variables": dict(spec.variables)}
    channel.settimeout(START_SECONDS)
    try:
        channel.send(json.dumps(order).encode())
        data, descriptors, _, _ = socket.recv_fds(channel, LARGEST_PROOF, 3)
    except OSError as error:
        raise JailUnavailable("jail.preflight_silent", reason=error.strerror or "no answer in time") from error
    if len(descriptors) != 3:
        for number in descriptors:
            os.close(number)
        raise JailUnavailable("jail.preflight_silent", reason="the launcher ended before it answered")
    return json.loads(data), Folders(*descriptors)


def judge(proof: Proof, folders: Folders, spec: JailSpec, uid: int, members: list[int]) -> None:
    """Raise JailUnavailable naming every layer that is missing, as told from inside and as seen from outside."""
    missing = [name for name, holds in INSIDE if not holds(proof)]
    wanted = {name: [value, value] for name, value in rlimits(spec.limits).items()}
    missing += [] if proof["rlimits"] == wanted else ["rlimits"]
    missing += _seen_from_outside(uid, members)
    sizes = ((folders.out, spec.limits.out_bytes), (folders.tmp, spec.limits.tmp_bytes), (folders.shm, spec.limits.tmp_bytes))
    missing += [] if all(_is_bounded(number, size, uid) for number, size in sizes) else ["bounded tmpfs"]
    if missing:
        raise JailUnavailable("jail.layer_missing", layers=", ".join(missing))


def _seen_from_outside(uid: int, members: list[int]) -> list[str]:
    """Every process of the group has the slot's uid, never 0, no capability in our namespace's sense, no way to gain any."""
    statuses = [_status(pid) for pid in members]
    missing = []
    if not statuses or any(set(status["Uid"].split()) != {str(uid)} for status in statuses) or uid == 0:
        missing.append("kernel uid")
    if any(status["NoNewPrivs"] != "1" for status in statuses):
        missing.append("no_new_privs outside")
    if not any(status["Seccomp"] == "2" and len(status["NSpid"].split()) > 1 for status in statuses):
        missing.append("seccomp outside")
    return missing


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise JailUnavailable("jail.preflight_silent", reason="a process of the jail ended too early") from error
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _is_bounded(number: int, size: int, uid: int) -> bool:
    """The descriptor is a folder of the slot's on a file system no larger than ordered. (/tmp belongs to nobody else either.)"""
    system = os.fstatvfs(number)
    return system.f_blocks * system.f_frsize <= size + PAGE and os.fstat(number).st_uid == uid


def release(channel: socket.socket) -> None:
    """Let the launcher become the job's program. Raises JailUnavailable when it is gone."""
    try:
        channel.send(b"go")
    except OSError as error:
        raise JailUnavailable("jail.preflight_silent", reason=error.strerror) from error
