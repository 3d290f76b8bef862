"""The parse jail is not believed: whatever it was made to answer, nothing but a table of the contract's shape is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.errors import BadInput, IntegrityBroken
from engines.intake.batches import Batch
from engines.intake.read_batch import read_batch
from sandbox.jail.jailer import start_jail
from sandbox.jail.spec import JailResult, JailSpec

Tamper = Callable[[Path], None]


@pytest.fixture
def batch(deliver: Callable[..., Batch], lines: Callable[[int], list[list[str]]], as_csv: Callable[..., bytes]) -> Batch:
    return deliver(as_csv(lines(10)))


def captured(tamper: Tamper) -> Callable[[JailSpec, Path], JailResult]:
    """The real jail, its answer changed as a captured parser could."""

    def start(spec: JailSpec, collect_to: Path) -> JailResult:
        result = start_jail(spec, collect_to)
        tamper(collect_to)
        return result

    return start


def answers(refused: Any) -> Tamper:
    return lambda folder: (folder / "outcome.json").write_text(json.dumps({"refused": refused}), "utf-8") and None


def other_rows(folder: Path) -> None:
    pl.DataFrame({"uscc": ["x"]}).write_ipc(folder / "rows.arrow")


@pytest.mark.parametrize(
    "tamper",
    [
        answers({"code": "jail.fake", "params": {}}),
        answers({"code": "intake.wrong_type", "params": {"line": 1, "column": "a row smuggled out as a name " * 4}}),
        answers({"code": "intake.wrong_type", "params": {"note": "x"}}),
        answers({"code": "intake.wrong_type", "params": {"line": [1]}}),
        answers(["intake.wrong_type"]),
        lambda folder: (folder / "outcome.json").write_bytes(b"[" * 100_000) and None,
        lambda folder: (folder / "rows.arrow").write_bytes(b"ARROW1\0\0garbage") and None,
        other_rows,
    ],
)
def test_an_answer_that_does_not_fit_the_contract_is_refused(batch: Batch, jail_environment: Path, tmp_path: Path, tamper: Tamper) -> None:
    with pytest.raises(IntegrityBroken) as caught:
        read_batch(batch, jail_environment, tmp_path, captured(tamper))
    assert caught.value.code == "intake.parser_untrue"
    assert set(caught.value.params) == {"dataset"}


def test_a_parser_that_does_not_end_is_stopped_and_leaves_no_copy(batch: Batch, jail_environment: Path, tmp_path: Path) -> None:
    def hurried(spec: JailSpec, collect_to: Path) -> JailResult:
        return start_jail(replace(spec, limits=replace(spec.limits, wall_seconds=0.05)), collect_to)

    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    with pytest.raises(BadInput, match="out_of_time") as caught:
        read_batch(batch, jail_environment, work, hurried)
    assert caught.value.code == "intake.parser_stopped"
    assert list(work.iterdir()) == []


def test_the_parser_is_shown_the_file_and_its_columns_and_nothing_else(batch: Batch, jail_environment: Path, tmp_path: Path) -> None:
    seen: list[JailSpec] = []

    def watched(spec: JailSpec, collect_to: Path) -> JailResult:
        seen.append(spec)
        request = json.loads(spec.inputs[1].source.read_text("utf-8"))
        assert set(request) == {"format", "fields", "delimiter", "encoding", "received_on"}
        return start_jail(spec, collect_to)

    assert read_batch(batch, jail_environment, tmp_path, watched).rows.height == 10
    (spec,) = seen
    assert [bind.name for bind in spec.inputs] == ["raw", "request.json"]
    assert [bind.name for bind in spec.code] == ["engines/intake/parsing"]
    assert not spec.variables
