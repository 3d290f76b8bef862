"""Datasets and their snapshots: intent first, publication after; what was never published is never seen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog import clock
from catalog.actors import PLATFORM
from catalog.errors import IllegalStep, NotFound, PolicyRefusal
from catalog.ledger.record import Entry
from catalog.store import datasets, ledger
from catalog.store.datasets import Dataset, Snapshot

ENTRY = Entry.by(PLATFORM, "snapshot.step", "snapshot")
TAX = Dataset("tax", "TX", "1.0.0", "{}", "c" * 64)


def intent(n, dataset="tax"):
    return Snapshot(f"snap-{n}", dataset, f"{dataset}-{n}", "intended", "c" * 64, f"{n}" * 64, None, None, None, None, None)


@pytest.fixture
def tax(database):
    with database.transaction() as tx:
        datasets.put_dataset(tx, TAX, record=ENTRY)
    return database


def publish(database, n):
    until = clock.now() + timedelta(days=30)
    with database.transaction() as tx:
        datasets.publish_snapshot(tx, f"snap-{n}", 1000 + n, 10, 1, until, record=ENTRY)


def intend(database, n, dataset="tax"):
    with database.transaction() as tx:
        datasets.intend_snapshot(tx, intent(n, dataset), record=ENTRY)


def size(database):
    with database.reading() as tx:
        return ledger.head(tx).size


def test_an_intent_is_not_a_snapshot_until_it_is_published(tax):
    intend(tax, 1)
    with tax.reading() as tx:
        assert datasets.latest_snapshot(tx, "tax") is None
        assert [s.id for s in datasets.open_intents(tx)] == ["snap-1"]
    publish(tax, 1)
    with tax.reading() as tx:
        found = datasets.latest_snapshot(tx, "tax")
        assert (found.id, found.table_snapshot, found.rows, found.rows_quarantined) == ("snap-1", 1001, 10, 1)
        assert datasets.open_intents(tx) == []
        assert datasets.published_snapshots(tx) == [found] == datasets.published_snapshots(tx, "tax")


def test_one_intake_of_a_dataset_at_a_time(tax):
    intend(tax, 1)
    with pytest.raises(PolicyRefusal) as refused:
        intend(tax, 2)
    assert refused.value.code == "snapshots.intake_under_way"
    publish(tax, 1)
    intend(tax, 2)


def test_an_abandoned_intent_makes_room_and_cannot_be_published(tax):
    intend(tax, 1)
    with tax.transaction() as tx:
        datasets.abandon_snapshot(tx, "snap-1", record=ENTRY)
    before = size(tax)
    with pytest.raises(IllegalStep):
        publish(tax, 1)
    assert size(tax) == before
    intend(tax, 2)
    with tax.reading() as tx:
        assert datasets.latest_snapshot(tx, "tax") is None


def test_publishing_twice_is_refused_and_leaves_no_record(tax):
    intend(tax, 1)
    publish(tax, 1)
    before = size(tax)
    with pytest.raises(IllegalStep):
        publish(tax, 1)
    with pytest.raises(IllegalStep), tax.transaction() as tx:
        datasets.abandon_snapshot(tx, "snap-1", record=ENTRY)
    with pytest.raises(NotFound):
        publish(tax, 9)
    assert size(tax) == before


def test_the_newest_publication_is_the_latest(tax):
    for n in (1, 2, 3):
        intend(tax, n)
        publish(tax, n)
    with tax.reading() as tx:
        assert datasets.latest_snapshot(tx, "tax").id == "snap-3"


def test_the_same_batch_under_the_same_contract_is_recognised(tax):
    intend(tax, 1)
    with tax.reading() as tx:
        assert datasets.published_batch(tx, "tax", "1" * 64, "c" * 64) is None
    publish(tax, 1)
    with tax.reading() as tx:
        assert datasets.published_batch(tx, "tax", "1" * 64, "c" * 64).id == "snap-1"
        assert datasets.published_batch(tx, "tax", "1" * 64, "d" * 64) is None
        assert datasets.published_batch(tx, "power", "1" * 64, "c" * 64) is None


def test_a_newer_contract_replaces_the_older(tax):
    newer = replace(TAX, version="1.1.0", contract_hash="d" * 64)
    with tax.transaction() as tx:
        datasets.put_dataset(tx, newer, record=ENTRY)
        assert datasets.dataset_by_name(tx, "tax") == newer
        assert datasets.all_datasets(tx) == [newer]
        with pytest.raises(NotFound):
            datasets.dataset_by_name(tx, "power")


def test_features_are_kept_by_name(tax):
    with tax.transaction() as tx:
        datasets.put_feature(tx, "paid_12m", '{"v":1}', record=ENTRY)
        datasets.put_feature(tx, "paid_12m", '{"v":2}', record=ENTRY)
        datasets.put_feature(tx, "age", "{}", record=ENTRY)
        assert datasets.feature_documents(tx) == {"age": "{}", "paid_12m": '{"v":2}'}
