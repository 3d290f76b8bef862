"""What the pages about releases show: the same views as the interface's, with the names a person reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog import clock
from catalog.actors import Actor, Organisation, OrganisationKind
from catalog.database import Tx
from catalog.ledger.record import read_record
from catalog.projects import Project
from catalog.store import actors, ledger, projects
from gateway.release_views import release_told
from gateway.schemas.releases import FindingTold, ReleaseTold
from sandbox.airlock.lifecycle import ReleaseState
from sandbox.airlock.visibility import BLIND
from sandbox.store import releases
from sandbox.store.releases import Release

WAITING = frozenset({ReleaseState.SUBMITTED, ReleaseState.ONE_REVIEW, ReleaseState.REVIEWED})
VERDICTS = ("block", "review", "pass")
LONGEST_HISTORY = 100
# While the review is blind nobody learns who voted.
_VOTING = frozenset({"release.ballot", "release.vote"})


@dataclass(frozen=True, slots=True)
class Row:
    """One release in the list. ``leaving``: kind of file → how many; ``counts``: verdict → findings."""

    told: ReleaseTold
    project: Project
    organisation: Organisation
    leaving: dict[str, int]
    counts: dict[str, int]
    waits: bool

    @property
    def number(self) -> str:
        return f"R-{self.told.number:06d}"


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file with its findings: what needs eyes, and what passes."""

    name: str
    type: str
    sha256: str | None
    verdict: str | None
    open: tuple[FindingTold, ...]
    passed: tuple[FindingTold, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One ledger record about the release. ``actor`` and ``seq`` are None when they are not for this visitor."""

    seq: int | None
    at: datetime
    action: str
    after: str
    actor: str | None


def rows(tx: Tx, actor: Actor) -> list[Row]:
    """Newest first."""
    own = actor.organisation_id if actor.organisation_kind is OrganisationKind.BANK else None
    return [row(tx, actor, release) for release in releases.releases_where(tx, organisation_id=own)]


def row(tx: Tx, actor: Actor, release: Release) -> Row:
    told = release_told(tx, actor, release)
    counts = Counter(finding.verdict for finding in told.findings)
    return Row(
        told=told,
        project=projects.project_by_id(tx, release.project_id),
        organisation=actors.organisation(tx, release.organisation_id),
        leaving=dict(Counter(type_.partition(".")[0] for type_ in told.types.values())),
        counts={verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        waits=release.state in WAITING,
    )


def files(told: ReleaseTold) -> list[FileShown]:
    """Worst first."""
    shown = [_file(told, name) for name in told.files]
    return sorted(shown, key=lambda file: (VERDICTS.index(file.verdict) if file.verdict else -1, file.name))


def _file(told: ReleaseTold, name: str) -> FileShown:
    found = [finding for finding in told.findings if finding.file == name]
    eyes = tuple(finding for finding in found if finding.verdict != "pass")
    passed = tuple(finding for finding in found if finding.verdict == "pass")
    return FileShown(name, told.types.get(name, ""), told.files[name], found[0].verdict if found else None, eyes, passed)


def history(tx: Tx, actor: Actor, release: Release) -> list[Step]:
    """What the ledger says of this release, oldest first. A bank is not told who reviewed, nobody is while the review is blind."""
    found = [read_record(row.canonical) for row in ledger.recent(tx, object_name=release.id, limit=LONGEST_HISTORY)]
    return [_step(record, actor, release) for record in reversed(found)]


def _step(record: dict[str, Any], actor: Actor, release: Release) -> Step:
    own = record["actor"] == actor.login
    same_side = actor.organisation_kind is not OrganisationKind.BANK or record["organisation"] == actor.organisation_id
    blind = release.state in BLIND and record["action"] in _VOTING
    who = record["actor"] if own or (same_side and not blind) else None
    # How fast the ledger grows tells of other banks' work.
    seq = None if actor.organisation_kind is OrganisationKind.BANK else record["seq"]
    return Step(seq, clock.from_iso(record["time"]), record["action"], record["after"], who)
