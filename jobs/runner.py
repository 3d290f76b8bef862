"""The port behind which attempts run. A runner starts, looks at and stops attempts; it holds ids only and keeps no promise of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """All that ever reaches a scheduler: which attempt of which job."""

    job_id: str
    number: int


class RunState(Enum):
    ALIVE = auto()
    ENDED = auto()
    UNKNOWN = auto()


class Runner(Protocol):
    """Contract, tested once for every implementation (tests/contracts/test_runners.py)."""

    @property
    def slots(self) -> int:
        """How many attempts may run at once."""
        ...

    def start(self) -> None:
        """Make ready to run; safe to repeat. Raises Unavailable when the machinery cannot be had."""
        ...

    def run(self, ref: AttemptRef) -> None:
        """Start executing ``ref``; returns at once. Safe to repeat: what is alive is not started twice. Never retries by itself."""
        ...

    def look(self, ref: AttemptRef) -> RunState:
        """ALIVE while it runs; ENDED once its process is through with it or gone; UNKNOWN for one this runner never started."""
        ...

    def stop(self, ref: AttemptRef) -> None:
        """Kill the attempt with everything it started; afterwards ``look`` is not ALIVE. Safe to repeat."""
        ...

    def close(self) -> None:
        """Stop everything. Safe to repeat."""
        ...
