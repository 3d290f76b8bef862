"""Recompute the whole ledger from its stored bytes and say exactly where it stops being true. Believes no stored hash."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from catalog import canonical_json
from catalog.checkpoint import Checkpoint, verify_checkpoint
from catalog.errors import IntegrityBroken
from catalog.ledger import tree
from catalog.ledger.record import GENESIS, commit_payload, leaf_hash, read_record
from catalog.messages import Language, render

RELEASED = "release.release"  # a checkpoint is written before each of these


class StoredRow(Protocol):
    @property
    def seq(self) -> int: ...
    @property
    def canonical(self) -> bytes: ...
    @property
    def leaf(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def salt(self) -> bytes | None: ...
    @property
    def payload(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written. ``record`` is the sequence number, None when no single record is to blame."""

    code: str
    record: int | None

    def text(self, language: Language = "en") -> str:
        return render(self.code, {"record": self.record}, language)


@dataclass(frozen=True, slots=True)
class HeadClaim:
    """What the head row says: the number of records, and the size of the newest checkpoint (None: not to be held)."""

    size: int
    checkpoint_size: int | None


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """``payloads_erased``: records whose payload is gone; that is allowed, and how many is for the reader to judge."""

    records: int
    checkpoints: int
    signed_size: int
    payloads_erased: int
    problems: tuple[Problem, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def unsigned_tail(self) -> int:
        """Records after the last valid checkpoint: nobody outside could notice their loss."""
        return self.records - self.signed_size


class _Walk:
    """What must hold from one record to the next."""

    def __init__(self) -> None:
        self.frontier: tuple[str, ...] = ()
        self.size = 0
        self.prev = GENESIS
        self.object_seqs: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.next_seq = 0
        self.erased = 0
        self.releases: list[int] = []

    def step(self, row: StoredRow) -> None:
        problem = self._examine(row)
        if problem is not None:
            self.problems.append(Problem(problem, row.seq))
        self.erased += row.payload is None or row.salt is None
        leaf = leaf_hash(row.canonical)
        self.frontier = tree.extend(self.frontier, self.size, leaf)
        self.size += 1
        self.next_seq = row.seq + 1
        self.prev = leaf

    def _examine(self, row: StoredRow) -> str | None:
        if row.seq != self.next_seq:
            return "ledger.gap"
        try:
            body = read_record(row.canonical)
        except ValueError:
            return "ledger.record_changed"
        if body["action"] == RELEASED:
            self.releases.append(row.seq)
        if leaf_hash(row.canonical) != row.leaf:
            return "ledger.record_changed"
        if body["seq"] != row.seq:
            return "ledger.reordered"
        if body["prev"] != self.prev:
            return "ledger.chain_broken"
        expected = self.object_seqs.get(body["object"], -1) + 1
        self.object_seqs[body["object"]] = body["object_seq"]
        if body["object_seq"] != expected:
            return "ledger.object_history_gap"
        if (row.object, row.action) != (body["object"], body["action"]):
            return "ledger.columns_changed"
        return self._examine_payload(row, body["payload_commit"])

    @staticmethod
    def _examine_payload(row: StoredRow, commitment: str) -> str | None:
        if row.payload is None or row.salt is None:
            return None  # erased; the commitment stays
        try:
            payload = canonical_json.loads(row.payload)
        except ValueError:
            return "ledger.payload_changed"
        if canonical_json.dumps(payload) != row.payload or commit_payload(payload, row.salt) != commitment:
            return "ledger.payload_changed"
        return None


def verify_ledger(
    rows: Iterable[StoredRow],
    notes: Iterable[str],
    public_keys: Iterable[bytes],
    head: HeadClaim | None,
    witnessed: Iterable[str] = (),
) -> LedgerReport:
    """Walk ``rows`` in order of sequence and hold every checkpoint against the recomputed roots.

    ``notes`` are the stored checkpoints, ``witnessed`` those that somebody remembers outside the database; ``public_keys`` the pinned
    ledger keys; ``head`` is what the head row claims, None when it is not to be held.
    """
    keys = tuple(public_keys)
    stored, problems = _read_notes(notes, keys)
    remembered, forged = _read_notes(witnessed, keys)
    every = list(dict.fromkeys([*stored, *remembered]))
    sizes = {c.size for c in every}
    walk = _Walk()
    roots = {0: tree.EMPTY_ROOT}
    for row in rows:
        walk.step(row)
        if walk.size in sizes:
            roots[walk.size] = tree.root(walk.frontier)
    kept = [c.size for c in every if roots.get(c.size) == c.root]
    found = walk.problems + problems + forged + _broken_promises(every, roots, walk.size)
    found += _missing(stored, remembered, walk, head)
    if head is not None and head.size != walk.size:
        found.append(Problem("ledger.head_differs", min(head.size, walk.size)))
    return LedgerReport(walk.size, len(stored), max(kept, default=0), walk.erased, tuple(_unique(found)))


def _broken_promises(checkpoints: list[Checkpoint], roots: dict[int, str], size: int) -> list[Problem]:
    """Checkpoints that the records, ``size`` of them, do not keep."""
    cut = [Problem("ledger.truncated", size) for c in checkpoints if c.size > size]
    return cut + [Problem("ledger.root_differs", c.size - 1) for c in checkpoints if c.size <= size and roots[c.size] != c.root]


def _missing(stored: list[Checkpoint], remembered: list[Checkpoint], walk: _Walk, head: HeadClaim | None) -> list[Problem]:
    """Checkpoints that were written and are not there: the head, a witness or a release says so. Names the last record each covered."""
    newest = max((c.size for c in stored), default=0)
    gone = {c.size - 1 for c in remembered if c.size <= walk.size} - {c.size - 1 for c in stored}
    uncovered = {seq for seq in walk.releases if seq > newest}
    claimed = newest if head is None or head.checkpoint_size is None else head.checkpoint_size
    if claimed > newest:
        gone.add(claimed - 1)
    found = [Problem("ledger.checkpoint_missing", seq) for seq in sorted(gone | uncovered)]
    return found + ([Problem("ledger.head_differs", claimed)] if claimed < newest else [])


def _read_notes(notes: Iterable[str], keys: tuple[bytes, ...]) -> tuple[list[Checkpoint], list[Problem]]:
    checkpoints: list[Checkpoint] = []
    problems: list[Problem] = []
    for note in notes:
        try:
            checkpoint = Checkpoint.from_json(json.loads(note))
        except (ValueError, IntegrityBroken):
            problems.append(Problem("ledger.checkpoint_unreadable", None))
            continue
        if any(_signed_by(checkpoint, key) for key in keys):
            checkpoints.append(checkpoint)
        else:
            problems.append(Problem("ledger.checkpoint_forged", checkpoint.size))
    return checkpoints, problems


def _signed_by(checkpoint: Checkpoint, key: bytes) -> bool:
    try:
        verify_checkpoint(checkpoint, key)
    except IntegrityBroken:
        return False
    return True


def _unique(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
