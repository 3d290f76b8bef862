"""Cohorts as rows: names, counts and references to encrypted files. The subjects themselves are in the vault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from catalog import clock
from catalog.database import Tx
from catalog.errors import NotFound
from catalog.ledger.record import Entry
from catalog.store import ledger
from sandbox.tables import cohorts
from sandbox.workspace.vault import VaultRef

RECEIVED, READY, REFUSED = "received", "ready", "refused"


@dataclass(frozen=True, slots=True)
class Cohort:
    """``dataset`` is the register it is matched against; ``sealed`` and ``matched`` are vault references."""

    id: str
    organisation_id: str
    project_id: str
    name: str
    version: int
    dataset: str
    uploaded_by: str
    status: str
    sealed: VaultRef
    matched: VaultRef | None
    rows: int | None
    match_rate: float | None
    labelled: bool | None
    refusal: Mapping[str, Any] | None
    job_id: str | None
    uploaded_at: datetime


def next_version(tx: Tx, project_id: str, name: str) -> int:
    query = select(func.max(cohorts.c.version)).where(cohorts.c.project_id == project_id, cohorts.c.name == name)
    return int(tx.execute(query).scalar_one_or_none() or 0) + 1


def told_or_waiting(tx: Tx, project_id: str) -> int:
    """Uploads of a project, under all names, that got a match rate or may still get one. A refused file was told none."""
    query = select(func.count()).select_from(cohorts).where(cohorts.c.project_id == project_id, cohorts.c.status != REFUSED)
    return int(tx.execute(query).scalar_one())


def add_cohort(tx: Tx, cohort: Cohort, *, record: Entry) -> None:
    tx.execute(
        insert(cohorts).values(
            id=cohort.id,
            organisation_id=cohort.organisation_id,
            project_id=cohort.project_id,
            name=cohort.name,
            version=cohort.version,
            dataset=cohort.dataset,
            uploaded_by=cohort.uploaded_by,
            status=cohort.status,
            sealed=_ref_text(cohort.sealed),
            job_id=cohort.job_id,
            uploaded_at=clock.to_iso(cohort.uploaded_at),
        )
    )
    ledger.append(tx, record)


def mark_ready(tx: Tx, cohort_id: str, *, matched: VaultRef, rows: int, match_rate: float, labelled: bool, record: Entry) -> None:
    values = {"status": READY, "matched": _ref_text(matched), "rows": rows, "match_rate": match_rate, "labelled": labelled}
    tx.execute(update(cohorts).where(cohorts.c.id == cohort_id).values(**values))
    ledger.append(tx, record)


def mark_refused(tx: Tx, cohort_id: str, refusal: Mapping[str, Any], *, record: Entry) -> None:
    tx.execute(update(cohorts).where(cohorts.c.id == cohort_id).values(status=REFUSED, refusal=json.dumps(dict(refusal))))
    ledger.append(tx, record)


def cohort_by_id(tx: Tx, cohort_id: str) -> Cohort:
    row = tx.execute(select(cohorts).where(cohorts.c.id == cohort_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="cohort", name=cohort_id)
    return _cohort(row)


def newest(tx: Tx, project_id: str, name: str) -> Cohort:
    """The newest ready version of a named cohort. Raises NotFound."""
    query = select(cohorts).where(cohorts.c.project_id == project_id, cohorts.c.name == name, cohorts.c.status == READY)
    row = tx.execute(query.order_by(cohorts.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="cohort", name=name)
    return _cohort(row)


def cohorts_of(tx: Tx, organisation_id: str | None) -> list[Cohort]:
    query = select(cohorts).order_by(cohorts.c.uploaded_at)
    if organisation_id is not None:
        query = query.where(cohorts.c.organisation_id == organisation_id)
    return [_cohort(row) for row in tx.execute(query)]


def _ref_text(ref: VaultRef) -> str:
    return json.dumps({"sha256": ref.sha256, "size": ref.size})


def _ref(text: str | None) -> VaultRef | None:
    return None if text is None else VaultRef(**json.loads(text))


def _cohort(row: Row[Any]) -> Cohort:
    return Cohort(
        row.id,
        row.organisation_id,
        row.project_id,
        row.name,
        row.version,
        row.dataset,
        row.uploaded_by,
        row.status,
        VaultRef(**json.loads(row.sealed)),
        _ref(row.matched),
        row.rows,
        row.match_rate,
        row.labelled,
        None if row.refusal is None else json.loads(row.refusal),
        row.job_id,
        clock.from_iso(row.uploaded_at),
    )
