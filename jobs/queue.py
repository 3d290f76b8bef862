"""Whose turn it is: pure rules over what waits and what runs. The store claims what these rules choose, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST_RUNNING_PER_ORGANISATION = 4  # at once, whatever the number of slots: one tenant's flood leaves room for others
LARGEST_ATTEMPTS = 3  # a job whose worker was lost this often fails


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job, as far as fairness is concerned."""

    job_id: str
    organisation_id: str
    submitted_at: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer for one job: its turn (``reason`` empty), or the message that says what it waits for."""

    job_id: str
    reason: str = ""


def next_in_turn(waiting: Sequence[Waiting], running: Sequence[str], slots: int) -> str | None:
    """The job to claim: of the organisation that runs the fewest jobs now, the one that waits longest.

    ``running`` holds one organisation id per running job. None when no slot or no quota is free.
    """
    if len(running) >= slots:
        return None
    busy = Counter(running)
    free = [w for w in waiting if busy[w.organisation_id] < LARGEST_RUNNING_PER_ORGANISATION]
    if not free:
        return None
    return min(free, key=lambda w: (busy[w.organisation_id], w.submitted_at, w.job_id)).job_id


def why_waiting(job: Waiting, running: Sequence[str], slots: int, supervisor_alive: bool) -> tuple[str, dict[str, int]]:
    """Message code and its numbers for a queued job. One tenant's numbers only: another's queue never shows."""
    mine = sum(1 for organisation in running if organisation == job.organisation_id)
    if not supervisor_alive:
        return "jobs.waiting_for_supervisor", {}
    if mine >= LARGEST_RUNNING_PER_ORGANISATION:
        return "jobs.waiting_for_quota", {"quota": LARGEST_RUNNING_PER_ORGANISATION}
    if len(running) >= slots:
        return "jobs.waiting_for_slot", {}
    return "jobs.waiting_for_turn", {}
