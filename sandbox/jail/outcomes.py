"""The eight ways a job can end, and how they are told apart.

A bank learns one of these codes before review and nothing else, so they say what to change without carrying data.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

from catalog.outcomes import Outcome

# What the launcher in the jail exits with, by the type of the exception. A hostile program may exit with them too: it
# then chooses among codes that all mean "failed", which an exit code allows anyway.
EXIT_OUT_OF_DISK = 95
EXIT_OUT_OF_MEMORY = 96
EXIT_DEPENDENCY = 97

# bubblewrap reports a program that died of a signal as a shell does.
SIGNALLED = 128
KILLED_BY_FILTER = SIGNALLED + signal.SIGSYS
KILLED_BY_CPU_LIMIT = SIGNALLED + signal.SIGXCPU
KILLED_BY_FILE_LIMIT = SIGNALLED + signal.SIGXFSZ

BY_EXIT_CODE = {
    EXIT_OUT_OF_DISK: Outcome.OUT_OF_DISK,
    EXIT_OUT_OF_MEMORY: Outcome.OUT_OF_MEMORY,
    EXIT_DEPENDENCY: Outcome.DEPENDENCY,
    KILLED_BY_FILTER: Outcome.POLICY,
    KILLED_BY_CPU_LIMIT: Outcome.OUT_OF_TIME,
    KILLED_BY_FILE_LIMIT: Outcome.OUT_OF_DISK,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What the parent saw of a finished job, before its outputs were looked at."""

    exit_code: int | None
    oom_killed: bool
    timed_out: bool
    disk_full: bool


def outcome_of(ending: Ending) -> Outcome:
    """The outcome as far as the ending tells it; SUCCEEDED still depends on the outputs (see ``outcome_with_outputs``).

    What the kernel and the parent saw comes before the exit code: with cgroup v1 only one process dies of memory, and the
    program may go on to exit 0.
    """
    if ending.oom_killed:
        return Outcome.OUT_OF_MEMORY
    if ending.timed_out:
        return Outcome.OUT_OF_TIME
    if ending.exit_code == 0:
        return Outcome.SUCCEEDED
    known = BY_EXIT_CODE.get(ending.exit_code) if ending.exit_code is not None else None
    if known is not None:
        return known
    return Outcome.OUT_OF_DISK if ending.disk_full else Outcome.SCRIPT_ERROR


def outcome_with_outputs(ending: Outcome, *, forbidden_found: bool, missing: bool) -> Outcome:
    """The final outcome once the output folder was inspected."""
    if ending is not Outcome.SUCCEEDED:
        return ending
    if forbidden_found:
        return Outcome.POLICY
    return Outcome.MISSING_OUTPUT if missing else Outcome.SUCCEEDED
