"""The file of rows that enters a jail: what it holds, what it never holds, and that equal inputs make equal bytes."""

from __future__ import annotations

import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sandbox.workspace.inputs import observation_months, register_grid, write_rows
from sandbox.workspace.point_in_time import Matrix

ROWS = 200


def inputs(rows: int = ROWS, shift: float = 0.0) -> dict[str, Any]:
    score = np.arange(rows) + shift
    score[5] = np.nan
    days = [date(2023, 12, 30) + timedelta(days=i % 40) for i in range(rows)]
    return {
        "matrix": Matrix(pa.table({"row": pa.array(range(rows), pa.int32()), "score": score, "kind": np.arange(rows) % 3.0})),
        "observed_at": pa.chunked_array([pa.array(days, pa.date32())]),
        "labels": (np.arange(rows) % 7 == 0).astype(np.int8),
        "partition": (np.arange(rows) % 4 == 0).astype(np.int8),
        "subjects": np.arange(rows, dtype=np.int64) // 2 + 1000,
    }


def opened(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def test_a_job_sees_features_label_month_partition_and_nothing_else(tmp_path: Path) -> None:
    written = write_rows(tmp_path, **inputs())
    table = opened(written.path)
    assert {f.name: str(f.type) for f in table.schema} == {
        "score": "double",
        "kind": "double",
        "label": "int8",
        "partition": "int8",
        "observation_month": "int32",
        "subject": "int32",
    }
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o444
    assert table.schema.metadata is None


def test_a_list_to_be_scored_has_no_label(tmp_path: Path) -> None:
    given = inputs()
    table = opened(write_rows(tmp_path, given["matrix"], observed_at=given["observed_at"]).path)
    assert table.column_names == ["score", "kind", "observation_month"]


def test_the_same_inputs_make_the_same_bytes_and_another_cohort_another_order(tmp_path: Path) -> None:
    files = []
    for name, shift in (("one", 0.0), ("two", 0.0), ("other", 0.5)):
        (tmp_path / name).mkdir()
        files.append(write_rows(tmp_path / name, **inputs(shift=shift)))
    assert files[0].path.read_bytes() == files[1].path.read_bytes()
    assert files[0].sha256 == files[1].sha256
    assert not np.array_equal(files[0].order, files[2].order)


def test_rows_are_permuted_whole_and_scores_find_their_way_back(tmp_path: Path) -> None:
    given = inputs()
    written = write_rows(tmp_path, **given)
    table = opened(written.path)
    assert not np.array_equal(written.order, np.arange(ROWS))
    back = written.in_matrix_order(table["score"].to_numpy())
    assert np.array_equal(back, given["matrix"].table["score"].to_numpy(), equal_nan=True)
    assert np.array_equal(table["label"].to_numpy(), given["labels"][written.order])


def test_subject_numbers_say_only_who_is_the_same(tmp_path: Path) -> None:
    given = inputs()
    written = write_rows(tmp_path, **given)
    numbers = opened(written.path)["subject"].to_numpy()
    pairs = set(zip(numbers.tolist(), given["subjects"][written.order].tolist(), strict=True))
    assert len(pairs) == ROWS // 2
    assert list(dict.fromkeys(numbers.tolist())) == list(range(ROWS // 2))


def test_a_missing_value_has_one_form(tmp_path: Path) -> None:
    odd = np.array([0x7FF8000000000001], np.uint64).view(np.float64)
    hashes = []
    for name, nan, zero in (("a", np.array([np.nan]), 0.0), ("b", odd, -0.0)):
        (tmp_path / name).mkdir()
        matrix = Matrix(pa.table({"row": pa.array([0, 1], pa.int32()), "x": np.append(nan, zero)}))
        hashes.append(write_rows(tmp_path / name, matrix, observed_at=pa.chunked_array([pa.array([date(2024, 1, 1)] * 2)])).sha256)
    assert hashes[0] == hashes[1]


def test_months_are_those_of_the_business_day() -> None:
    days = pa.chunked_array([pa.array([date(1969, 12, 31), date(2023, 12, 31), date(2024, 1, 1)])])
    evening = pa.chunked_array([pa.array([1704040200_000_000], pa.timestamp("us", "UTC"))])  # 2023-12-31T16:30Z
    assert [*observation_months(days), *observation_months(evening)] == [196912, 202312, 202401, 202401]


@pytest.mark.parametrize(
    ("name", "value"),
    [("labels", np.full(ROWS, 2, np.int8)), ("partition", np.full(3, 0, np.int8)), ("subjects", np.zeros(3, np.int64))],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"0 or 1|run along"):
        write_rows(tmp_path, **(inputs() | {name: value}))
    assert list(tmp_path.iterdir()) == []


def test_a_feature_cannot_pose_as_the_label(tmp_path: Path) -> None:
    given = inputs()
    given["matrix"] = Matrix(given["matrix"].table.rename_columns(["row", "label", "kind"]))
    with pytest.raises(ValueError, match="platform's own"):
        write_rows(tmp_path, **given)


def test_a_file_is_written_once(tmp_path: Path) -> None:
    write_rows(tmp_path, **inputs())
    with pytest.raises(FileExistsError):
        write_rows(tmp_path, **inputs())


def test_the_grid_is_drawn_from_training_rows() -> None:
    grid = register_grid(inputs()["matrix"], bins=8, trains=np.arange(ROWS) < 100)
    assert grid["kind"] == [0.5, 1.5]
    assert 0 < len(grid["score"]) < 8
    assert max(grid["score"]) < 100
