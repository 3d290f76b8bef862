"""Publications: whole, named, unchanging; what a crash leaves behind can be told apart and swept."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import IllegalStep, NotFound
from catalog.topic import Topic

MARCH = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    return Topic(tmp_path / "目录 #1" / "topic.db", tmp_path / "仓库 100%")


def rows(*scores: float | None) -> pa.Table:
    return pa.table(
        {
            "topic_id": pa.array([f"{i:032x}" for i in range(len(scores))], pa.string()),
            "event_at": pa.array([MARCH] * len(scores), pa.timestamp("us", "UTC")),
            "day": pa.array([date(2024, 3, 1)] * len(scores), pa.date32()),
            "amount": pa.array([Decimal("1.20")] * len(scores), pa.decimal128(18, 2)),
            "score": pa.array(scores, pa.float64()),
        }
    )


def test_what_is_written_comes_back_the_same(topic: Topic) -> None:
    written = topic.write("vat", rows(1.5, None), tag="intent-1")
    assert topic.scan("vat", written.iceberg_snapshot_id).equals(rows(1.5, None))
    assert written.rows == 2


def test_an_older_snapshot_stays_as_it_was(topic: Topic) -> None:
    first = topic.write("vat", rows(1, 2, 3), tag="a")
    second = topic.write("vat", rows(9), tag="b")
    seen = [topic.scan("vat", w.iceberg_snapshot_id, ["score"])["score"].to_pylist() for w in (first, second)]
    assert seen == [[1, 2, 3], [9]]
    assert [(s.rows, s.tags) for s in topic.snapshots("vat")] == [(3, ("a",)), (1, ("b",))]


def test_columns_come_and_go_by_name(topic: Topic) -> None:
    first = topic.write("vat", rows(1), tag="a")
    changed = pa.table({"topic_id": ["0"], "score": ["high"], "new": pa.array([7], pa.int64())})
    second = topic.write("vat", changed, tag="b")
    assert topic.scan("vat", second.iceberg_snapshot_id, ["topic_id", "score", "new"]).equals(changed)
    assert topic.scan("vat", first.iceberg_snapshot_id).equals(rows(1))


def test_an_empty_publication_is_one(topic: Topic) -> None:
    assert [topic.write("vat", rows(*scores), tag=f"t{i}").rows for i, scores in enumerate([(), (1,), (), (2, 3)])] == [0, 1, 0, 2]


def test_recovery_learns_which_intents_were_committed(topic: Topic) -> None:
    written = topic.write("vat", rows(1), tag="done")
    assert topic.reconcile("vat", ["done", "never"]) == {"done": written}
    assert topic.find_by_tag("other", "done") is None


def test_a_tag_names_one_snapshot_for_ever(topic: Topic) -> None:
    first = topic.write("vat", rows(1), tag="a").iceberg_snapshot_id
    second = topic.write("vat", rows(2), tag="b").iceberg_snapshot_id
    topic.tag("vat", first, "pin")
    topic.tag("vat", first, "pin")
    with pytest.raises(IllegalStep, match="pin"):
        topic.tag("vat", second, "pin")
    with pytest.raises(IllegalStep, match="already names"):
        topic.write("vat", rows(3), tag="a")
    assert len(topic.snapshots("vat")) == 2


def test_files_of_a_writer_that_died_are_swept(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    kept = topic.write("vat", rows(1), tag="a")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    commit = SqlCatalog.commit_table
    monkeypatch.setattr(SqlCatalog, "commit_table", die)
    with pytest.raises(KeyboardInterrupt):
        topic.write("vat", rows(2), tag="b")
    monkeypatch.setattr(SqlCatalog, "commit_table", commit)
    assert topic.find_by_tag("vat", "b") is None
    assert [topic.drop_uncommitted("vat"), topic.drop_uncommitted("vat")] == [1, 0]
    assert topic.scan("vat", kept.iceberg_snapshot_id).equals(rows(1))


def test_two_writers_of_one_dataset_both_arrive_whole(topic: Topic) -> None:
    def write(value: int) -> None:
        topic.write("vat", rows(*[value] * 5), tag=f"w{value}")

    threads = [threading.Thread(target=write, args=(value,)) for value in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    found = {s.tags[0]: topic.scan("vat", s.iceberg_snapshot_id, ["score"])["score"].to_pylist() for s in topic.snapshots("vat")}
    assert found == {f"w{value}": [value] * 5 for value in range(3)}


@pytest.mark.parametrize(
    ("dataset", "snapshot", "column", "code"),
    [("none", 1, "score", "topic.no_dataset"), ("vat", 1, "score", "topic.no_snapshot"), ("vat", None, "salary", "topic.no_column")],
)
def test_what_does_not_exist_is_named(topic: Topic, dataset: str, snapshot: int | None, column: str, code: str) -> None:
    written = topic.write("vat", rows(1), tag="a")
    with pytest.raises(NotFound) as refusal:
        topic.scan(dataset, snapshot or written.iceberg_snapshot_id, [column])
    assert refusal.value.code == code
