"""The bounds of one job: a control group of its own, and the rlimits its launcher sets before the program starts.

The memory control group is not optional. An rlimit on data misses shared anonymous memory and one on address space
counts mapped inputs, so a machine that grants no memory group gets no jobs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import JailUnavailable
from sandbox.jail.cgroups import Place, find_place
from sandbox.jail.spec import Limits

GROUP_PREFIX = "glovebox-job-"
CPU_PERIOD_US = 100_000
# bubblewrap's two processes and the launcher's fork live in the group too.
EXTRA_PROCESSES = 4
OPEN_FILES = 1024
LOCKED_BYTES = 64 << 10
REMOVE_SECONDS = 10.0


def rlimits(limits: Limits) -> dict[str, int]:
    """Hard and soft limits by name in ``resource``; set inside the jail, where RLIMIT_NPROC counts the job's user namespace only."""
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_FSIZE": max(limits.out_bytes, limits.tmp_bytes),
        "RLIMIT_MEMLOCK": LOCKED_BYTES,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_NPROC": limits.processes,
    }


@dataclass(frozen=True, slots=True)
class Group:
    """A job's control group: one folder per controller with cgroup v1, one for all with v2."""

    version: int
    folders: Mapping[str, Path]

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(self.folders.values()))

    def create(self, limits: Limits) -> None:
        """Make the folders and write the limits. Raises JailUnavailable, leaving nothing behind."""
        try:
            for path in self.paths:
                path.mkdir()
            for path, value in self._settings(limits):
                path.write_text(value)
        except OSError as error:
            self.remove()
            raise JailUnavailable("jail.no_memory_group", reason=f"{error.strerror}: {error.filename}") from error

    def cpu_seconds(self) -> float:
        if self.version == 1:
            return int((self.folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
        return int(_pairs(self.folders["cpu"] / "cpu.stat")["usage_usec"]) / 1e6

    def oom_killed(self) -> bool:
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _pairs(self.folders["memory"] / name).get("oom_kill", "0") != "0"

    def peak_bytes(self) -> int | None:
        name = "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"
        try:
            return int((self.folders["memory"] / name).read_text())
        except OSError:
            return None  # memory.peak is younger than cgroup v2

    def members(self) -> list[int]:
        return _members(self.folders["pids"])

    def remove(self) -> bool:
        """Kill whatever is left and remove the folders; True when nothing remains. Safe to repeat."""
        return remove_groups(self.paths)

    def _settings(self, limits: Limits) -> list[tuple[Path, str]]:
        return _settings_v1(self.folders, limits) if self.version == 1 else _settings_v2(self.folders["memory"], limits)


def plan_group(token: str, place: Place | None = None) -> Group:
    """Where the group of the job ``token`` will be. Raises JailUnavailable when this process may not have one."""
    found = place or find_place()
    return Group(found.version, {controller: base / f"{GROUP_PREFIX}{token}" for controller, base in found.bases.items()})


def _settings_v1(folders: Mapping[str, Path], limits: Limits) -> list[tuple[Path, str]]:
    memory = folders["memory"]
    settings = [(memory / "memory.limit_in_bytes", str(limits.memory_bytes)), (memory / "memory.swappiness", "0")]
    if (memory / "memory.memsw.limit_in_bytes").exists():
        settings.append((memory / "memory.memsw.limit_in_bytes", str(limits.memory_bytes)))
    return [
        *settings,
        (folders["pids"] / "pids.max", str(limits.processes + EXTRA_PROCESSES)),
        (folders["cpu"] / "cpu.cfs_period_us", str(CPU_PERIOD_US)),
        (folders["cpu"] / "cpu.cfs_quota_us", str(limits.cpus * CPU_PERIOD_US)),
    ]


def _settings_v2(folder: Path, limits: Limits) -> list[tuple[Path, str]]:
    settings = [(folder / "memory.max", str(limits.memory_bytes)), (folder / "memory.oom.group", "1")]
    if (folder / "memory.swap.max").exists():
        settings.append((folder / "memory.swap.max", "0"))
    return [
        *settings,
        (folder / "pids.max", str(limits.processes + EXTRA_PROCESSES)),
        (folder / "cpu.max", f"{limits.cpus * CPU_PERIOD_US} {CPU_PERIOD_US}"),
    ]


def remove_groups(paths: Iterable[Path]) -> bool:
    """Kill the members of each group and remove it. True when none remains; groups already gone count as removed."""
    removed = [_remove_group(path) for path in paths]  # each is tried, whatever became of the one before
    return all(removed)


def _remove_group(path: Path) -> bool:
    deadline = time.monotonic() + REMOVE_SECONDS
    while path.exists():
        for pid in _members(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
    return True


def _members(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines() if " " in line)
