"""Which environment does a job get? The one built from exactly this lock file by exactly this Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.errors import JailUnavailable
from sandbox.workspace import environments


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "jail.txt"
    path.write_text("# nothing is needed\n")
    return path


def test_an_environment_is_named_by_its_lock(tmp_path: Path, lock: Path) -> None:
    before = environments.environment_dir(tmp_path, lock)
    lock.write_text("# something else\n")

    assert before.parent == tmp_path
    assert len(before.name) == 16
    assert environments.environment_dir(tmp_path, lock) != before


def test_one_never_built_is_a_refusal_that_says_what_to_do(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(JailUnavailable, match="environment build") as refused:
        environments.find(tmp_path, lock)
    assert refused.value.code == "environment.missing"


def test_a_built_one_is_found_read_only_and_built_once(tmp_path: Path, lock: Path) -> None:
    folder = environments.build(tmp_path / "environments", lock)
    made = folder.stat().st_mtime_ns

    assert environments.find(tmp_path / "environments", lock) == folder
    assert environments.build(tmp_path / "environments", lock) == folder
    assert folder.stat().st_mtime_ns == made
    assert folder.stat().st_mode & 0o777 == 0o555
    assert not any(path.stat().st_mode & 0o222 for path in folder.rglob("*") if not path.is_symlink())
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, ".lock"}


@pytest.mark.parametrize("change", [{"python": "3.0.0"}, {"lock_sha256": "0" * 64}])
def test_one_made_for_something_else_is_not_used(tmp_path: Path, lock: Path, change: dict[str, str]) -> None:
    folder = environments.build(tmp_path / "environments", lock)
    marker = folder / environments.MARKER
    marker.chmod(0o644)
    marker.write_text(json.dumps({**json.loads(marker.read_text()), **change}))

    with pytest.raises(JailUnavailable):
        environments.find(tmp_path / "environments", lock)
    assert environments.build(tmp_path / "environments", lock) == folder
    assert environments.find(tmp_path / "environments", lock) == folder


def test_a_lock_without_hashes_is_refused_and_leaves_nothing(tmp_path: Path, lock: Path) -> None:
    lock.write_text("six==1.16.0\n")

    with pytest.raises(JailUnavailable) as refused:
        environments.build(tmp_path / "environments", lock)
    assert refused.value.code == "environment.build_failed"
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".lock"]


def test_the_command_prints_where_it_is(tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(["build", str(lock), str(tmp_path / "environments")]) == 0
    assert capsys.readouterr().out.strip() == str(environments.find(tmp_path / "environments", lock))
    assert environments.main(["erect"]) == 2
    assert environments.main(["build", str(tmp_path / "absent.txt"), str(tmp_path)]) == 1
