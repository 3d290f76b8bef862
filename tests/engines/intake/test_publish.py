"""A batch's way into the topic database, through the real parse jail; and that a refused one leaves nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.errors import BadInput, IntegrityBroken, Unavailable
from catalog.keys.files import FileEnvelope, FileKeyAgent, create_platform_keys
from catalog.topic import Topic
from engines.intake.batches import Batch
from engines.intake.ports import IntakeServices
from engines.intake.publish import publish_topic
from engines.intake.quarantine_folder import QuarantineFolder

Deliver = Callable[..., Batch]
Lines = Callable[[int], list[list[str]]]
Write = Callable[..., bytes]


class Notes:
    """The ``record`` port as a list."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, step: str, batch: Batch, details: Mapping[str, Any]) -> None:
        self.steps.append((step, details))


@pytest.fixture
def services(tmp_path: Path, jail_environment: Path) -> IntakeServices:
    keys = tmp_path / "keys"
    create_platform_keys(keys)
    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    return IntakeServices(
        environment=jail_environment,
        work=work,
        key_agent=FileKeyAgent.load(keys),
        envelope=FileEnvelope.load(keys),
        snapshots=Topic(tmp_path / "catalogue.db", tmp_path / "warehouse"),
        quarantine=QuarantineFolder(tmp_path / "quarantine"),
        record=Notes(),
    )


def left_behind(tmp_path: Path) -> list[Path]:
    return [path for name in ("quarantine", "warehouse") for path in (tmp_path / name).rglob("*") if path.is_file()]


def test_a_batch_becomes_a_snapshot(services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write) -> None:
    batch = deliver(as_csv(lines(50)))
    published = publish_topic(services, batch)
    assert (published.rows, published.tag) == (50, "batch-1")
    table = services.snapshots.scan("tx_declaration", published.snapshot_id)  # type: ignore[attr-defined]
    assert table.column_names == ["topic_id", "event_at", "available_at", *(field.name for field in batch.contract.published)]
    assert [step for step, _ in services.record.steps] == ["intent", "published"]  # type: ignore[attr-defined]


def test_no_identifier_is_written_anywhere_but_sealed(
    services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write, tmp_path: Path
) -> None:
    rows = lines(40)
    rows[7][8] = "unheard_of"
    publish_topic(services, deliver(as_csv(rows)))
    told = repr(services.record.steps)  # type: ignore[attr-defined]
    files = [path.read_bytes() for path in [*left_behind(tmp_path), tmp_path / "catalogue.db"]]
    decoded = [pl.read_parquet(path).write_csv() for path in (tmp_path / "warehouse").rglob("*.parquet")]
    assert decoded
    for row in rows[1:]:
        for identifier in row[:3]:
            assert identifier not in told
            assert not any(identifier in text for text in decoded)
            assert not any(identifier.encode() in data for data in files)


def test_bad_rows_are_sealed_for_their_department_with_reasons(
    services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write
) -> None:
    rows = lines(60)
    rows[7][8], rows[9][4], rows[11][0] = "unheard_of", "12万元", ""
    batch = deliver(as_csv(rows))
    published = publish_topic(services, batch)
    assert published.rows == 57
    assert published.inspection.reasons == {"not_decimal:sales": 1, "required:uscc": 1, "status_listed": 1}
    sealed = services.quarantine.path_of(batch).read_bytes()  # type: ignore[attr-defined]
    kept = pl.read_ipc(io.BytesIO(services.envelope.open("quarantine:TX", sealed)))
    assert kept.select("source_line", "reasons").rows() == [(8, ["status_listed"]), (10, ["not_decimal:sales"]), (12, ["required:uscc"])]
    with pytest.raises(IntegrityBroken):
        services.envelope.open("quarantine:MR", sealed)


@pytest.mark.parametrize(
    ("spoil", "suffix", "code", "line", "column"),
    [
        (lambda data: data.replace("销售额".encode(), "销售".encode()), ".csv", "intake.column_missing", 1, "销售额"),
        (lambda data: data[:-20], ".csv", "intake.ragged_row", 31, "人数"),
        (lambda data: data.replace(b",late,", b',"late,', 1), ".csv", "intake.quote_unclosed", 2, 9),
        (lambda data: data.replace(b"late", b"\xff\xff", 1), ".csv", "intake.wrong_encoding", 2, 9),
        (lambda data: b"", ".csv", "intake.file_empty", 1, 1),
        (lambda data: b"PAR1" + data[:200], ".parquet", "intake.parquet_cut_short", 1, 1),
        (lambda data: data, ".xlsx", "intake.xlsx_unreadable", 1, 1),
    ],
)
def test_a_refused_file_names_its_place_and_leaves_nothing(
    services: IntakeServices,
    deliver: Deliver,
    lines: Lines,
    as_csv: Write,
    tmp_path: Path,
    spoil: Any,
    suffix: str,
    code: str,
    line: int,
    column: Any,
) -> None:
    with pytest.raises(BadInput) as caught:
        publish_topic(services, deliver(spoil(as_csv(lines(30))), suffix))
    assert (caught.value.code, caught.value.params["line"], caught.value.params["column"]) == (code, line, column)
    assert str(line) in caught.value.text("zh")
    assert left_behind(tmp_path) == []
    assert services.record.steps == [("refused", {"code": code})]  # type: ignore[attr-defined]


def test_a_file_that_is_not_the_announced_one_is_refused(services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write) -> None:
    batch = deliver(as_csv(lines(3)))
    batch.path.write_bytes(as_csv(lines(4)))
    with pytest.raises(IntegrityBroken, match="announced"):
        publish_topic(services, batch)


def test_a_batch_of_nothing_but_bad_rows_is_refused(
    services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write, tmp_path: Path
) -> None:
    rows = [[*row[:8], "unheard_of", row[9]] if number else row for number, row in enumerate(lines(3))]
    with pytest.raises(BadInput, match="status_listed"):
        publish_topic(services, deliver(as_csv(rows)))
    assert left_behind(tmp_path) == []


def test_the_same_batch_twice_is_one_snapshot(services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write) -> None:
    batch = deliver(as_csv(lines(20)))
    first = publish_topic(services, batch)
    assert publish_topic(services, batch).snapshot_id == first.snapshot_id
    second = publish_topic(services, deliver(as_csv(lines(30)), batch_id="batch-2"))
    assert (second.rows, second.snapshot_id == first.snapshot_id) == (30, False)


def test_when_the_commit_fails_quarantine_is_empty_and_the_old_snapshot_stays(
    services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write
) -> None:
    class Full(Topic):
        def write(self, dataset: str, table: Any, *, tag: str) -> Any:
            raise Unavailable("topic.concurrent_write", dataset=dataset)

    first = publish_topic(services, deliver(as_csv(lines(20))))
    rows = lines(40)
    rows[7][8] = "unheard_of"
    topic: Any = services.snapshots
    full = replace(services, snapshots=Full(topic.catalogue_path, topic.warehouse_dir))
    batch = deliver(as_csv(rows), batch_id="batch-2")
    with pytest.raises(Unavailable):
        publish_topic(full, batch)
    assert not services.quarantine.path_of(batch).exists()  # type: ignore[attr-defined]
    assert [s.iceberg_snapshot_id for s in topic.snapshots("tx_declaration")] == [first.snapshot_id]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_all_formats_end_as_the_same_snapshot(
    services: IntakeServices, deliver: Deliver, lines: Lines, as_csv: Write, workbook: Write, suffix: str
) -> None:
    rows = lines(25)
    buffer = io.BytesIO()
    pl.DataFrame(rows[1:], schema=rows[0], orient="row").write_parquet(buffer)
    data = {".csv": as_csv(rows, "gb18030"), ".xlsx": workbook(rows), ".parquet": buffer.getvalue()}
    published = publish_topic(services, deliver(data[suffix], suffix))
    assert (published.rows, published.inspection.rows_quarantined) == (25, 0)
