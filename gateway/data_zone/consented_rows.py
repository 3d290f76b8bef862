"""Which rows of a score list may leave at an instant: consent is looked at again at signing and at every download."""

from __future__ import annotations

from datetime import datetime

from catalog.database import Tx
from catalog.store import consents, projects
from jobs.store import jobs as job_store
from sandbox.kinds.score import INDEX, read_csv, scores_csv, withhold
from sandbox.services import SandboxServices
from sandbox.store import artefacts
from sandbox.store.releases import Release, ReleaseFile
from sandbox.workspace.vault import VaultRef

Rows = list[tuple[str, str, int]]


def rows_that_may_leave(services: SandboxServices, tx: Tx, release: Release, file: ReleaseFile, at: datetime) -> tuple[bytes, Rows]:
    """(the file's bytes, its rows) as of ``at``: (row id, topic id, band) without those whose consent has ended.

    When a row went, small bands are withheld again. The reviewed bytes come back unchanged when none did.
    """
    kept_in = services.vault if release.released_at is None else services.tenant_store
    data = kept_in.get(release.project_id, VaultRef(file.sha256, file.size))
    index = next(a for a in artefacts.artefacts_of(tx, release.job_id) if a.name == INDEX)
    subjects = {row["row_id"]: row["topic_id"] for row in read_csv(kept_in.get(release.project_id, index.ref))}
    rows = [(row["row_id"], subjects[row["row_id"]], int(row["band"])) for row in read_csv(data)]
    if not needs_consent(tx, release):
        return data, rows
    live = _live(tx, release, at)
    left = [row for row in rows if row[1] in live]
    if len(left) == len(rows):
        return data, rows
    kept = withhold(left)
    return scores_csv(kept), kept


def consent_ended_since(services: SandboxServices, tx: Tx, release: Release, signed_at: datetime, now: datetime) -> bool:
    """Whether a subject of a signed list has withdrawn since it was signed."""
    if not needs_consent(tx, release):
        return False
    live = _live(tx, release, now)
    for file in release.files:
        if file.type == "scores":
            _, rows = rows_that_may_leave(services, tx, release, file, signed_at)
            if any(topic_id not in live for _, topic_id, _ in rows):
                return True
    return False


def needs_consent(tx: Tx, release: Release) -> bool:
    return bool(job_store.find(tx, release.job_id).evidence["manifest"]["needs_consent"])


def _live(tx: Tx, release: Release, at: datetime) -> frozenset[str]:
    project = projects.project_by_id(tx, release.project_id)
    return consents.consented(tx, project.organisation_id, project.purpose, at)
