"""The topic database: one Iceberg table per dataset, each publication a whole new snapshot, read by the snapshot's number.

A publication is: record the intent (its tag), ``write`` under that tag, record the snapshot. The write and its tag are one commit, so after
a crash ``find_by_tag`` says whether it happened; ``drop_uncommitted`` removes the files of one that did not.
"""

from __future__ import annotations

import fcntl
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from catalog.errors import IllegalStep, NotFound, Unavailable

NAMESPACE = "topic"
PROPERTIES = {
    "write.parquet.compression-codec": "zstd",
    # Two whole overwrites cannot be merged: the second writer must fail and start again, not be replayed over the first.
    "commit.retry.num-retries": "0",
}


@dataclass(frozen=True, slots=True)
class Written:
    """One committed snapshot."""

    iceberg_snapshot_id: int
    rows: int
    metadata_location: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A committed snapshot as the table itself lists it."""

    iceberg_snapshot_id: int
    rows: int
    written_at: datetime  # UTC
    tags: tuple[str, ...]


class Snapshots(Protocol):
    """What readers of the topic database need."""

    def scan(self, dataset: str, snapshot_id: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one snapshot as it was written; raises NotFound."""
        ...


class Topic:
    """The topic database in a local folder, its catalogue in an SQLite file of its own.

    Safe to build in any process: every call opens and closes the catalogue. Readers need no lock and are never disturbed by a writer;
    writers of one dataset take turns.
    """

    def __init__(self, catalogue_path: Path, warehouse_dir: Path) -> None:
        self.catalogue_path = catalogue_path
        self.warehouse_dir = warehouse_dir

    def write(self, dataset: str, table: pa.Table, *, tag: str) -> Written:
        """Make ``table`` the dataset's newest snapshot, named ``tag``; older snapshots stay as they were.

        Columns are matched by name: new ones appear, missing ones disappear, changed types replace; all in the one commit.
        Raises IllegalStep ``topic.tag_taken`` when the tag exists (ask ``find_by_tag`` first), Unavailable ``topic.concurrent_write``.
        """
        from pyiceberg.exceptions import CommitFailedException

        with self._turn(dataset), self._catalogue() as catalogue:
            stored = catalogue.create_table_if_not_exists((NAMESPACE, dataset), schema=_widened(table.schema), properties=PROPERTIES)
            if tag in stored.refs():
                raise IllegalStep("topic.tag_taken", dataset=dataset, tag=tag)
            try:
                _replace(stored, table, tag)
            except CommitFailedException:
                raise Unavailable("topic.concurrent_write", dataset=dataset) from None
            return _written(stored, int(stored.refs()[tag].snapshot_id))

    def tag(self, dataset: str, snapshot_id: int, tag: str) -> None:
        """Give a snapshot one more name. Safe to repeat. Raises NotFound; IllegalStep when the name is another snapshot's."""
        with self._turn(dataset), self._table(dataset) as stored:
            _snapshot(stored, dataset, snapshot_id)
            known = stored.refs().get(tag)
            if known is not None and known.snapshot_id != snapshot_id:
                raise IllegalStep("topic.tag_taken", dataset=dataset, tag=tag)
            if known is None:
                stored.manage_snapshots().create_tag(snapshot_id, tag).commit()

    def scan(self, dataset: str, snapshot_id: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one snapshot; ``columns`` chooses and orders (default: all, as stored). Texts come as ``string``.

        Raises NotFound ``topic.no_dataset``, ``topic.no_snapshot`` or ``topic.no_column``.
        """
        with self._table(dataset) as stored:
            schema = stored.schemas()[_snapshot(stored, dataset, snapshot_id).schema_id]
            names = [f.name for f in schema.fields]
            wanted = names if columns is None else list(columns)
            for name in wanted:
                if name not in names:
                    raise NotFound("topic.no_column", dataset=dataset, column=name)
            if not wanted:
                raise NotFound("topic.no_column", dataset=dataset, column="")
            found = stored.scan(selected_fields=tuple(wanted), snapshot_id=snapshot_id).to_arrow()
        return _narrowed(found.select(wanted))

    def snapshots(self, dataset: str) -> list[Snapshot]:
        """All committed snapshots, oldest first; none when the dataset was never written."""
        with self._table_or_none(dataset) as stored:
            if stored is None:
                return []
            named: dict[int, list[str]] = {}
            for name, ref in stored.refs().items():
                if ref.snapshot_ref_type == "tag":
                    named.setdefault(ref.snapshot_id, []).append(name)
            # An overwrite is a deletion and an addition in one commit: only the second of the two was ever published.
            return [
                Snapshot(s.snapshot_id, _rows(s), datetime.fromtimestamp(s.timestamp_ms / 1000, UTC), tuple(sorted(named[s.snapshot_id])))
                for s in stored.snapshots()
                if s.snapshot_id in named
            ]

    def find_by_tag(self, dataset: str, tag: str) -> Written | None:
        """The snapshot a tag names, or None when no write under that tag was committed."""
        with self._table_or_none(dataset) as stored:
            ref = stored.refs().get(tag) if stored is not None else None
            return _written(stored, int(ref.snapshot_id)) if ref is not None else None

    def reconcile(self, dataset: str, intents: Iterable[str]) -> dict[str, Written]:
        """Which intended tags were committed: what recovery records as published; the other intents never happened."""
        found = {tag: self.find_by_tag(dataset, tag) for tag in intents}
        return {tag: written for tag, written in found.items() if written is not None}

    def drop_uncommitted(self, dataset: str) -> int:
        """Delete data files that no snapshot knows (a writer died before its commit); returns how many. Safe to repeat."""
        with self._turn(dataset), self._table_or_none(dataset) as stored:
            if stored is None:
                return 0
            known = {str(path) for path in stored.inspect.all_files()["file_path"].to_pylist()}
            folder = Path(stored.location().removeprefix("file://")) / "data"
            orphans = [path for path in folder.rglob("*.parquet") if f"file://{path}" not in known]
            for path in orphans:
                path.unlink()
            return len(orphans)

    @contextmanager
    def _catalogue(self) -> Iterator[Any]:
        from pyiceberg.catalog.sql import SqlCatalog  # two seconds: only who touches the topic database pays

        ready = self.catalogue_path.with_name(f".{self.catalogue_path.name}.ready")  # the file itself exists before its tables do
        new = not ready.exists()
        with self._turn("catalogue") if new else _no_turn():
            self.warehouse_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            settings = {"uri": f"sqlite:///{self.catalogue_path}", "warehouse": f"file://{self.warehouse_dir.resolve()}"}
            settings["init_catalog_tables"] = "true" if new else "false"
            catalogue = SqlCatalog(NAMESPACE, **settings)
            if new:
                catalogue.create_namespace_if_not_exists(NAMESPACE)
                self.catalogue_path.chmod(0o600)
                ready.touch()
        try:
            yield catalogue
        finally:
            catalogue.close()

    @contextmanager
    def _table_or_none(self, dataset: str) -> Iterator[Any]:
        from pyiceberg.exceptions import NoSuchTableError

        with self._catalogue() as catalogue:
            try:
                stored = catalogue.load_table((NAMESPACE, dataset))
            except NoSuchTableError:
                stored = None
            yield stored

    @contextmanager
    def _table(self, dataset: str) -> Iterator[Any]:
        with self._table_or_none(dataset) as stored:
            if stored is None:
                raise NotFound("topic.no_dataset", dataset=dataset)
            yield stored

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """Writers of one name in any process of this machine take turns; the lock ends with its holder, however that dies."""
        self.catalogue_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.catalogue_path.with_name(f".{self.catalogue_path.name}.{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


@contextmanager
def _no_turn() -> Iterator[None]:
    yield


def _replace(stored: Any, table: pa.Table, tag: str) -> None:
    """Schema, rows and tag in one commit."""
    from pyiceberg.table.update.snapshot import ManageSnapshots

    with stored.transaction() as change:
        _evolve(change, table.schema)
        with warnings.catch_warnings():
            # Overwriting an empty table deletes nothing, which pyiceberg thinks worth a warning.
            warnings.filterwarnings("ignore", "Delete operation did not match any records", UserWarning)
            change.overwrite(table)
        with ManageSnapshots(change) as names:
            names.create_tag(change.table_metadata.current_snapshot_id, tag)


def _evolve(change: Any, schema: pa.Schema) -> None:
    """Make the table's columns those of ``schema``: a column whose type changed is a new column of the old name."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    stored = schema_to_pyarrow(change.table_metadata.schema(), include_field_ids=False)
    wanted = {f.name: f.type for f in _widened(schema)}
    gone = [f.name for f in stored if wanted.get(f.name) != _wide(f.type)]
    if gone:
        with change.update_schema(allow_incompatible_changes=True) as update:
            for name in gone:
                update.delete_column(name)
    if gone or len(wanted) > len(stored):
        with change.update_schema() as update:
            update.union_by_name(_widened(schema))


def _wide(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_integer(kind):
        return pa.int32() if kind.bit_width < 32 else kind
    return kind


def _widened(schema: pa.Schema) -> pa.Schema:
    """The schema as Iceberg keeps it: every column optional, one type of text, no integers under 32 bits."""
    return pa.schema([pa.field(f.name, _wide(f.type), nullable=True) for f in schema])


def _narrowed(table: pa.Table) -> pa.Table:
    kinds = [pa.string() if pa.types.is_large_string(f.type) or pa.types.is_string_view(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema([pa.field(f.name, kind) for f, kind in zip(table.schema, kinds, strict=True)]))


def _snapshot(stored: Any, dataset: str, snapshot_id: int) -> Any:
    found = stored.snapshot_by_id(snapshot_id)
    if found is None:
        raise NotFound("topic.no_snapshot", dataset=dataset, snapshot=snapshot_id)
    return found


def _rows(snapshot: Any) -> int:
    return int(cast("str", snapshot.summary["total-records"] or "0"))


def _written(stored: Any, snapshot_id: int) -> Written:
    return Written(snapshot_id, _rows(stored.snapshot_by_id(snapshot_id)), str(stored.metadata_location))
