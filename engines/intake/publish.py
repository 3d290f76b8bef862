"""Raw table to published snapshot: read raw, inspect, apply the recipe, commit, publish. Refused means nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa

from catalog.errors import BadInput, GloveboxError
from catalog.topic import Written
from engines.intake.batches import Batch, Inspection, Published
from engines.intake.desensitise.apply import desensitise
from engines.intake.ports import IntakeServices
from engines.intake.quality.quarantine import LINE, part, to_bytes
from engines.intake.quality.rules import broken_table_rules, check_quality
from engines.intake.read_batch import RawRows, read_batch


def publish_topic(services: IntakeServices, batch: Batch) -> Published:
    """The whole path of one batch. Raises BadInput (line and column) or IntegrityBroken, after telling ``record`` so.

    Safe to repeat: quarantine is replaced, and a batch that was committed before gets the snapshot it has.
    """
    with _nothing_left_behind(services, batch):
        raw = read_batch(batch, services.environment, services.work, services.start_jail)
        inspection = inspect(raw, batch)
        table = apply_recipe(services, inspection, batch)
        written = commit(services, inspection, table, batch)
    return publish(services, inspection, written, batch)


@contextmanager
def _nothing_left_behind(services: IntakeServices, batch: Batch) -> Iterator[None]:
    """Whatever goes wrong before the commit, a full disk included: no quarantine file stays, and ``record`` is told."""
    try:
        yield
    except Exception as error:
        if services.snapshots.find_by_tag(batch.contract.name, batch.tag) is None:
            services.quarantine.discard(batch)
            services.record("refused", batch, {"code": error.code if isinstance(error, GloveboxError) else "intake.stopped"})
        raise


def inspect(raw: RawRows, batch: Batch) -> Inspection:
    """Check every rule and part good rows from bad. Raises BadInput when the batch as a whole breaks a rule or no row is good."""
    quality = check_quality(raw.rows.drop(LINE), batch.contract)
    broken = broken_table_rules(batch.contract, quality)
    if broken:
        raise BadInput("intake.table_rule_broken", dataset=batch.contract.name, rules=", ".join(broken), rows=raw.rows.height)
    parted = part(raw.rows, quality.fails, raw.bad_cells)
    if parted.good.is_empty():
        reason = max(parted.reasons, key=lambda name: parted.reasons[name])
        raise BadInput("intake.no_good_rows", dataset=batch.contract.name, rows=raw.rows.height, reason=reason)
    return Inspection(
        rows_read=raw.rows.height,
        rows_good=parted.good.height,
        rows_quarantined=parted.bad.height,
        encoding=raw.encoding,
        reasons=parted.reasons,
        results=quality.results,
        good=parted.good,
        bad=parted.bad,
    )


def apply_recipe(services: IntakeServices, inspection: Inspection, batch: Batch) -> pl.DataFrame:
    """The good rows as the topic database may hold them."""
    return desensitise(inspection.good, batch.contract, services.key_agent.topic_ids, batch.received_at)


def commit(services: IntakeServices, inspection: Inspection, table: pl.DataFrame, batch: Batch) -> Written:
    """Record the intent, seal what is quarantined, commit the snapshot. One commit, after which the batch is taken in."""
    services.record("intent", batch, {"tag": batch.tag, **inspection.to_json()})
    if inspection.rows_quarantined:
        services.quarantine.write(batch, services.envelope.seal(batch.quarantine_scope, to_bytes(inspection.bad)))
    known = services.snapshots.find_by_tag(batch.contract.name, batch.tag)
    return known or services.snapshots.write(batch.contract.name, to_arrow(table), tag=batch.tag)


def publish(services: IntakeServices, inspection: Inspection, written: Written, batch: Batch) -> Published:
    """Record the publication: only from here on do jobs see the snapshot."""
    published = Published(batch.contract.name, written.iceberg_snapshot_id, written.rows, batch.tag, inspection)
    services.record("published", batch, published.to_json())
    return published


def to_arrow(table: pl.DataFrame) -> pa.Table:
    """As plain Arrow that any reader knows (large strings, no string views)."""
    return table.to_arrow(compat_level=pl.CompatLevel.oldest())
