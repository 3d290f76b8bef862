"""The ledger's rows. ``append`` runs inside the caller's transaction, under the head row's lock: no change without its record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from catalog import canonical_json, clock
from catalog.checkpoint import Checkpoint, sign_checkpoint
from catalog.database import Tx
from catalog.errors import IntegrityBroken
from catalog.keys.ports import Signer
from catalog.ledger import tree
from catalog.ledger.record import GENESIS, Entry, LedgerRecord, build_record, commit_payload, new_salt
from catalog.ledger.verify import HeadClaim
from catalog.settings import Suite
from catalog.tables import ledger_checkpoints, ledger_head, ledger_objects, ledger_payloads, ledger_records

HEAD = 1
CHECKPOINT_EVERY_RECORDS = 1_000
CHECKPOINT_EVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Head:
    suite: Suite
    size: int
    last_leaf: str
    frontier: tuple[str, ...]
    checkpoint_size: int

    @property
    def claim(self) -> HeadClaim:
        return HeadClaim(self.size, self.checkpoint_size)


def create_head(tx: Tx, suite: Suite) -> None:
    tx.execute(insert(ledger_head).values(id=HEAD, suite=suite, size=0, last_leaf=GENESIS, frontier="[]", checkpoint_size=0))


def head(tx: Tx, *, lock: bool = False) -> Head:
    query = select(ledger_head).where(ledger_head.c.id == HEAD)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise IntegrityBroken("ledger.no_head")
    return Head(row.suite, row.size, row.last_leaf, tuple(json.loads(row.frontier)), row.checkpoint_size)


def append(tx: Tx, entry: Entry) -> LedgerRecord:
    """Append one record and its payload. The head row stays locked until the caller's transaction ends, so sequence has no gap."""
    at = head(tx, lock=True)
    salt = new_salt()
    record = build_record(
        entry,
        suite=at.suite,
        seq=at.size,
        time=clock.to_iso(clock.now()),
        object_seq=_next_object_seq(tx, entry.object),
        prev=at.last_leaf,
        payload_commit=commit_payload(entry.payload, salt),
    )
    tx.execute(
        insert(ledger_records).values(
            seq=record.seq, canonical=record.canonical, leaf=record.leaf, object=entry.object, action=entry.action
        )
    )
    tx.execute(insert(ledger_payloads).values(seq=record.seq, salt=salt, payload=canonical_json.dumps(dict(entry.payload))))
    frontier = tree.extend(at.frontier, at.size, record.leaf)
    tx.execute(
        update(ledger_head)
        .where(ledger_head.c.id == HEAD)
        .values(size=at.size + 1, last_leaf=record.leaf, frontier=json.dumps(list(frontier)))
    )
    return record


def _next_object_seq(tx: Tx, name: str) -> int:
    query = select(ledger_objects.c.seq).where(ledger_objects.c.object == name)
    last = tx.execute(query).scalar_one_or_none()
    if last is None:
        tx.execute(insert(ledger_objects).values(object=name, seq=0))
        return 0
    tx.execute(update(ledger_objects).where(ledger_objects.c.object == name).values(seq=last + 1))
    return int(last) + 1


def checkpoint_is_due(tx: Tx) -> bool:
    """True after 1,000 records, or 60 s with at least one record, since the last checkpoint."""
    at = head(tx)
    if at.size == at.checkpoint_size:
        return False
    if at.size - at.checkpoint_size >= CHECKPOINT_EVERY_RECORDS:
        return True
    last = tx.execute(select(func.max(ledger_checkpoints.c.time))).scalar_one_or_none()
    return last is None or (clock.now() - clock.from_iso(last)).total_seconds() >= CHECKPOINT_EVERY_SECONDS


def write_checkpoint(tx: Tx, signer: Signer, origin: str) -> Checkpoint:
    """Sign the tree's present root. Writing the same size again returns the stored note."""
    at = head(tx, lock=True)
    stored = tx.execute(select(ledger_checkpoints.c.note).where(ledger_checkpoints.c.size == at.size)).scalar_one_or_none()
    if stored is not None:
        return Checkpoint.from_json(json.loads(stored))
    now = clock.now()
    note = sign_checkpoint(signer, origin, at.size, tree.root(at.frontier), now)
    tx.execute(insert(ledger_checkpoints).values(size=at.size, note=json.dumps(note.to_json()), time=clock.to_iso(now)))
    tx.execute(update(ledger_head).where(ledger_head.c.id == HEAD).values(checkpoint_size=at.size))
    return note


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A row as found, trusted in nothing."""

    seq: int
    canonical: bytes
    leaf: str
    object: str
    action: str
    salt: bytes | None
    payload: bytes | None


_RECORD = tuple(ledger_records.c[name] for name in ("seq", "canonical", "leaf", "object", "action"))


def stored_records(tx: Tx) -> Iterator[StoredRecord]:
    """All rows in order of sequence, with their payload where it still exists."""
    query = (
        select(*_RECORD, ledger_payloads.c.salt, ledger_payloads.c.payload)
        .join(ledger_payloads, ledger_payloads.c.seq == ledger_records.c.seq, isouter=True)
        .order_by(ledger_records.c.seq)
    )
    for row in tx.execute(query).yield_per(1_000):
        yield StoredRecord(row.seq, bytes(row.canonical), row.leaf, row.object, row.action, row.salt, row.payload)


def stored_checkpoints(tx: Tx) -> list[str]:
    return list(tx.execute(select(ledger_checkpoints.c.note).order_by(ledger_checkpoints.c.size)).scalars())


def newest_checkpoint(tx: Tx) -> str | None:
    """The note over the most records, as stored."""
    query = select(ledger_checkpoints.c.note).order_by(ledger_checkpoints.c.size.desc()).limit(1)
    return tx.execute(query).scalar_one_or_none()


def recent(tx: Tx, *, object_name: str | None = None, limit: int = 50) -> list[StoredRecord]:
    """The newest records, newest first, without payloads."""
    query = select(*_RECORD)
    if object_name is not None:
        query = query.where(ledger_records.c.object == object_name)
    rows = tx.execute(query.order_by(ledger_records.c.seq.desc()).limit(limit))
    return [StoredRecord(row.seq, bytes(row.canonical), row.leaf, row.object, row.action, None, None) for row in rows]
