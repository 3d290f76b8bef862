"""A matched cohort as it is kept: (row_id, topic_id, observed_at, label) and whether the register knows the subject. Sealed, per tenant."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from sandbox.workspace.cohort_files import CohortRows

SCHEMA = pa.schema(
    [("row_id", pa.string()), ("topic_id", pa.string()), ("observed_at", pa.date32()), ("label", pa.int8()), ("matched", pa.bool_())]
)


@dataclass(frozen=True, slots=True)
class MatchedCohort:
    """``table`` has SCHEMA, one row per uploaded row in the bank's order. It stays inside."""

    table: pa.Table

    @property
    def labelled(self) -> bool:
        return bool(self.table.column("label").null_count == 0)

    def usable(self, consented: frozenset[str] | None) -> pa.Table:
        """Rows whose subject is known and, where consent is needed, consented. Nothing says which of the two was missing."""
        keep = [
            matched and topic_id is not None and (consented is None or topic_id in consented)
            for matched, topic_id in zip(self.table.column("matched").to_pylist(), self.table.column("topic_id").to_pylist(), strict=True)
        ]
        return self.table.filter(pa.array(keep, pa.bool_()))


def write_matched(rows: CohortRows, topic_ids: Sequence[str | None], flags: Sequence[bool]) -> bytes:
    """Arrow IPC bytes, to be sealed by the caller before they touch a disk."""
    labels = rows.table.column("label") if rows.labelled else pa.nulls(rows.table.num_rows, pa.int8())
    table = pa.table(
        [
            rows.table.column("row_id"),
            pa.array(topic_ids, pa.string()),
            rows.table.column("observed_at"),
            labels,
            pa.array(flags, pa.bool_()),
        ],
        schema=SCHEMA,
    )
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_table(table)
    return sink.getvalue()


def read_matched(data: bytes) -> MatchedCohort:
    with pa.ipc.open_file(io.BytesIO(data)) as reader:
        return MatchedCohort(reader.read_all().cast(SCHEMA))
