"""Artefacts (what jobs produced, in the vault) and models (what was approved and may score)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from catalog import clock
from catalog.database import Tx
from catalog.errors import NotFound
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.store import ledger
from sandbox.tables import artefacts, models, score_bands
from sandbox.workspace.vault import VaultRef


@dataclass(frozen=True, slots=True)
class Artefact:
    id: str
    job_id: str
    attempt: int
    project_id: str
    name: str
    path: str
    type: str
    level: str
    ref: VaultRef


@dataclass(frozen=True, slots=True)
class Model:
    """An approved model: canonical bytes in the vault, bands frozen at approval."""

    id: str
    release_id: str
    organisation_id: str
    project_id: str
    train_job: str
    name: str
    algorithm: str
    path: str
    ref: VaultRef
    features: tuple[str, ...]
    bands: tuple[float, ...]
    grade: int
    approved_at: datetime
    revoked_at: datetime | None


def add_artefact(
    tx: Tx, *, job_id: str, attempt: int, project_id: str, name: str, path: str, type_: str, level: str, ref: VaultRef
) -> None:
    """Inside the transaction that ends the job; the job's own ledger record covers it by the manifest."""
    tx.execute(
        insert(artefacts).values(
            id=new_id("art"),
            job_id=job_id,
            attempt=attempt,
            project_id=project_id,
            name=name,
            path=path,
            type=type_,
            level=level,
            sha256=ref.sha256,
            size_bytes=ref.size,
            created_at=clock.to_iso(clock.now()),
        )
    )


def artefacts_of(tx: Tx, job_id: str) -> list[Artefact]:
    """Of the attempt that counted: others never recorded any."""
    query = select(artefacts).where(artefacts.c.job_id == job_id).order_by(artefacts.c.name)
    return [
        Artefact(r.id, r.job_id, r.attempt, r.project_id, r.name, r.path, r.type, r.level, VaultRef(r.sha256, r.size_bytes))
        for r in tx.execute(query)
    ]


def add_model(tx: Tx, model: Model, *, record: Entry) -> None:
    tx.execute(
        insert(models).values(
            id=model.id,
            release_id=model.release_id,
            organisation_id=model.organisation_id,
            project_id=model.project_id,
            train_job=model.train_job,
            name=model.name,
            algorithm=model.algorithm,
            path=model.path,
            sha256=model.ref.sha256,
            size_bytes=model.ref.size,
            features=json.dumps(list(model.features)),
            bands=json.dumps(list(model.bands)),
            grade=model.grade,
            approved_at=clock.to_iso(model.approved_at),
        )
    )
    ledger.append(tx, record)


def revoke_models_of(tx: Tx, release_id: str) -> None:
    """With the release's own record: a revoked release's model scores no more."""
    tx.execute(update(models).where(models.c.release_id == release_id).values(revoked_at=clock.to_iso(clock.now())))


def model_by_id(tx: Tx, model_id: str) -> Model:
    row = tx.execute(select(models).where(models.c.id == model_id)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="model", name=model_id)
    return _model(row)


def models_of(tx: Tx, organisation_id: str | None) -> list[Model]:
    query = select(models).order_by(models.c.approved_at)
    if organisation_id is not None:
        query = query.where(models.c.organisation_id == organisation_id)
    return [_model(row) for row in tx.execute(query)]


def stored_bands(tx: Tx, model_id: str, period: str) -> dict[str, int]:
    """topic_id → band, of this model version and period."""
    query = select(score_bands.c.topic_id, score_bands.c.band).where(score_bands.c.model_id == model_id, score_bands.c.period == period)
    return {row.topic_id: row.band for row in tx.execute(query)}


def remember_bands(tx: Tx, model_id: str, period: str, bands: Iterable[tuple[str, int]]) -> None:
    """Subjects scored for the first time in this period. The score job's own record covers them."""
    rows = [{"model_id": model_id, "topic_id": topic_id, "period": period, "band": band} for topic_id, band in bands]
    if rows:
        tx.execute(insert(score_bands), rows)


def _model(row: Row[Any]) -> Model:
    body: Any = row._mapping
    return Model(
        body["id"],
        body["release_id"],
        body["organisation_id"],
        body["project_id"],
        body["train_job"],
        body["name"],
        body["algorithm"],
        body["path"],
        VaultRef(body["sha256"], body["size_bytes"]),
        tuple(json.loads(body["features"])),
        tuple(json.loads(body["bands"])),
        body["grade"],
        clock.from_iso(body["approved_at"]),
        None if body["revoked_at"] is None else clock.from_iso(body["revoked_at"]),
    )
