"""Kinds of work. Each registers itself by entry point; only the names allowed here are ever loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from catalog.database import Database, Tx
from catalog.errors import BadInput, GloveboxError, Unavailable
from catalog.settings import Settings
from jobs.lifecycle import Outcome
from jobs.spec import JobSpec

ALLOWED = ("intake", "match", "consent", "train", "script", "score", "check")
GROUP = "glovebox.kinds"
WORKER_GROUP = "glovebox.worker"


class Services(Protocol):
    """What the wiring gives a worker. The framework needs two things of it; kinds know the rest by their own type."""

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job, as a kind sees it. ``folder`` is memory-backed, 0700, and gone when the attempt ends.

    ``state`` carries what ``prepare`` found to ``run`` and ``collect``; it never leaves the worker's memory.
    """

    job_id: str
    number: int
    organisation_id: str
    project_id: str | None
    submitted_by: str
    spec: JobSpec
    folder: Path
    services: Any
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collected:
    """How a run ended, and the change that makes its result count.

    ``record`` runs in the transaction that ends the job, after the token was checked: a late attempt changes nothing.
    ``figures`` and ``why`` (a message's code and params) are shown to the author; ``evidence`` stays inside.
    """

    outcome: Outcome
    figures: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    why: Mapping[str, Any] = field(default_factory=dict)
    record: Callable[[Tx], None] | None = None


class Kind(Protocol):
    """A kind of work. Every method may raise Refused or BadInput: the job then fails with that message and outcome ``policy``.

    A crash at any point is followed by a new attempt that starts over in a new folder, so that all three are safe to repeat.
    """

    @property
    def name(self) -> str: ...

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """At submission: raise Refused or Misuse for a spec that may never run. Reads only."""
        ...

    def prepare(self, attempt: Attempt) -> None:
        """Read what the job needs and write its inputs into ``attempt.folder``. Changes nothing else."""
        ...

    def run(self, attempt: Attempt) -> None:
        """Do the work. Whatever parses or runs somebody else's bytes does so in the jail."""
        ...

    def collect(self, attempt: Attempt) -> Collected:
        """Take the outputs, put them where they belong, and say what to record."""
        ...


@cache
def load_kind(name: str) -> Kind:
    """The registered kind. Raises BadInput for a name that is not on the allow list, Unavailable when it is not installed."""
    if name not in ALLOWED:
        raise BadInput("kinds.unknown", kind=name, known=", ".join(ALLOWED))
    found = list(entry_points(group=GROUP, name=name))
    if len(found) != 1:
        raise Unavailable("kinds.not_installed", kind=name, count=len(found))
    kind: Kind = found[0].load()
    return kind


def load_every_kind() -> None:
    """Import whatever is installed of the allowed kinds, so that a worker's first job does not pay for it."""
    for name in ALLOWED:
        with suppress(GloveboxError):
            load_kind(name)


@cache
def load_services(home: str) -> Services:
    """Build the worker's services for one home, by the entry point the wiring registered. One per process."""
    os.environ["GLOVEBOX_HOME"] = home
    found = list(entry_points(group=WORKER_GROUP))
    if len(found) != 1:
        raise Unavailable("kinds.no_worker", count=len(found))
    services: Services = found[0].load()(Path(home))
    return services
