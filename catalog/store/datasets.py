"""Datasets (a contract each), declared features, and snapshots: intent first, publication after the table format committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog import clock
from catalog.database import Tx
from catalog.errors import IllegalStep, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import ledger
from catalog.tables import datasets, features, snapshots

INTENDED, PUBLISHED, ABANDONED = "intended", "published", "abandoned"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset as registered: ``contract`` is the ODCS document's text."""

    name: str
    department: str
    version: str
    contract: str
    contract_hash: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    id: str
    dataset: str
    tag: str
    status: str
    contract_hash: str
    batch_sha256: str
    table_snapshot: int | None
    rows: int | None
    rows_quarantined: int | None
    published_at: datetime | None
    pin_until: datetime | None


def put_dataset(tx: Tx, dataset: Dataset, *, record: Entry) -> None:
    """Add a dataset or replace its contract by a newer one."""
    values = {
        "department": dataset.department,
        "version": dataset.version,
        "contract": dataset.contract,
        "contract_hash": dataset.contract_hash,
        "added_at": clock.to_iso(clock.now()),
    }
    changed = tx.execute(update(datasets).where(datasets.c.name == dataset.name).values(**values))
    if changed.rowcount == 0:
        tx.execute(insert(datasets).values(name=dataset.name, **values))
    ledger.append(tx, record)


def dataset_by_name(tx: Tx, name: str) -> Dataset:
    row = tx.execute(select(datasets).where(datasets.c.name == name)).one_or_none()
    if row is None:
        raise NotFound("permissions.not_found", what="dataset", name=name)
    return _dataset(row)


def all_datasets(tx: Tx) -> list[Dataset]:
    return [_dataset(row) for row in tx.execute(select(datasets).order_by(datasets.c.name))]


def put_feature(tx: Tx, name: str, document: str, *, record: Entry) -> None:
    changed = tx.execute(update(features).where(features.c.name == name).values(document=document))
    if changed.rowcount == 0:
        tx.execute(insert(features).values(name=name, document=document, added_at=clock.to_iso(clock.now())))
    ledger.append(tx, record)


def feature_documents(tx: Tx) -> dict[str, str]:
    return {row.name: row.document for row in tx.execute(select(features).order_by(features.c.name))}


def intend_snapshot(tx: Tx, snapshot: Snapshot, *, record: Entry) -> None:
    """Record the intent to publish. Raises PolicyRefusal while another intake of the dataset is under way."""
    try:
        tx.execute(
            insert(snapshots).values(
                id=snapshot.id,
                dataset=snapshot.dataset,
                tag=snapshot.tag,
                status=INTENDED,
                contract_hash=snapshot.contract_hash,
                batch_sha256=snapshot.batch_sha256,
                intended_at=clock.to_iso(clock.now()),
            )
        )
    except IntegrityError as error:
        raise PolicyRefusal("snapshots.intake_under_way", dataset=snapshot.dataset) from error
    ledger.append(tx, record)


def publish_snapshot(
    tx: Tx, snapshot_id: str, table_snapshot: int, rows: int, rows_quarantined: int, pin_until: datetime, *, record: Entry
) -> None:
    """Raises IllegalStep for an intent that was published or abandoned before."""
    published = tx.execute(
        update(snapshots)
        .where(snapshots.c.id == snapshot_id, snapshots.c.status == INTENDED)
        .values(
            status=PUBLISHED,
            table_snapshot=table_snapshot,
            rows=rows,
            rows_quarantined=rows_quarantined,
            published_at=clock.to_iso(clock.now()),
            pin_until=clock.to_iso(pin_until),
        )
    )
    _check_was_open(tx, snapshot_id, published.rowcount, "publish")
    ledger.append(tx, record)


def abandon_snapshot(tx: Tx, snapshot_id: str, *, record: Entry) -> None:
    """Raises IllegalStep for an intent that was published or abandoned before."""
    abandoned = tx.execute(update(snapshots).where(snapshots.c.id == snapshot_id, snapshots.c.status == INTENDED).values(status=ABANDONED))
    _check_was_open(tx, snapshot_id, abandoned.rowcount, "abandon")
    ledger.append(tx, record)


def _check_was_open(tx: Tx, snapshot_id: str, changed: int, event: str) -> None:
    if changed == 1:
        return
    status = tx.execute(select(snapshots.c.status).where(snapshots.c.id == snapshot_id)).scalar_one_or_none()
    if status is None:
        raise NotFound("permissions.not_found", what="snapshot", name=snapshot_id)
    raise IllegalStep("lifecycle.ended", machine="snapshot", state=status, event=event)


def open_intents(tx: Tx) -> list[Snapshot]:
    return [_snapshot(row) for row in tx.execute(select(snapshots).where(snapshots.c.status == INTENDED))]


def latest_snapshot(tx: Tx, dataset: str) -> Snapshot | None:
    query = select(snapshots).where(snapshots.c.dataset == dataset, snapshots.c.status == PUBLISHED)
    row = tx.execute(query.order_by(snapshots.c.published_at.desc(), snapshots.c.id).limit(1)).one_or_none()
    return None if row is None else _snapshot(row)


def published_snapshots(tx: Tx, dataset: str | None = None) -> list[Snapshot]:
    query = select(snapshots).where(snapshots.c.status == PUBLISHED).order_by(snapshots.c.published_at)
    if dataset is not None:
        query = query.where(snapshots.c.dataset == dataset)
    return [_snapshot(row) for row in tx.execute(query)]


def published_batch(tx: Tx, dataset: str, batch_sha256: str, contract_hash: str) -> Snapshot | None:
    """The snapshot made of exactly these bytes under exactly this contract: the same batch twice changes nothing."""
    query = select(snapshots).where(
        snapshots.c.dataset == dataset,
        snapshots.c.batch_sha256 == batch_sha256,
        snapshots.c.contract_hash == contract_hash,
        snapshots.c.status == PUBLISHED,
    )
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else _snapshot(row)


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(row.name, row.department, row.version, row.contract, row.contract_hash)


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(
        row.id,
        row.dataset,
        row.tag,
        row.status,
        row.contract_hash,
        row.batch_sha256,
        row.table_snapshot,
        row.rows,
        row.rows_quarantined,
        None if row.published_at is None else clock.from_iso(row.published_at),
        None if row.pin_until is None else clock.from_iso(row.pin_until),
    )
