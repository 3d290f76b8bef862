"""What may leave a job's output folder? Only declared, plain, single-link, fully written files."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.jail.collect import collect

Maker = Callable[[Path], object]


@pytest.fixture
def out() -> Iterator[Path]:
    """A folder on a memory file system, as in the jail: there a sparse file shows by its blocks."""
    folder = Path("/dev/shm") / f"glovebox-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def collected(out: Path, to: Path, declared: tuple[str, ...], most_files: int = 4, most_bytes: int = 1 << 20) -> object:
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = collect(folder, declared, to, most_files=most_files, most_bytes=most_bytes)
    finally:
        os.close(folder)
    return found


def test_declared_files_leave_with_their_bytes(out: Path, tmp_path: Path) -> None:
    (out / "a.csv").write_bytes(b"x" * 100_000)
    (out / "b.json").write_bytes(b"")

    found = collected(out, tmp_path / "to", ("a.csv", "b.json"))

    assert {name: path.read_bytes() for name, path in found.outputs.items()} == {"a.csv": b"x" * 100_000, "b.json": b""}
    assert (found.rejected, found.missing) == ((), ())
    assert (tmp_path / "to").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "to" / "a.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.symlink_to("/etc/passwd"), "link"),
        (lambda p: p.mkdir(), "directory"),
        (lambda p: os.mkfifo(p), "special_file"),
        (lambda p: socket.socket(socket.AF_UNIX).bind(str(p)), "special_file"),
        (lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_RDWR), 1 << 19), "sparse"),
        (lambda p: p.write_bytes(b"x" * ((1 << 20) + 1)), "too_large"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_declared_name_that_is_no_plain_file_stays_and_nothing_else_leaves(out: Path, tmp_path: Path, make: Maker, reason: str) -> None:
    make(out / "result.csv")
    (out / "good.csv").write_text("1")

    found = collected(out, tmp_path / "to", ("good.csv", "result.csv"))

    assert [(one.name, one.reason) for one in found.rejected] == [("result.csv", reason)]
    assert found.forbidden_found
    assert found.outputs == {}
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("name", "shown", "reason", "forbidden"),
    [
        ("rows.csv", "rows.csv", "undeclared", False),
        ("$(reboot)", None, "bad_name", True),
        (".hidden", None, "bad_name", True),
        ("new\nline", None, "bad_name", True),
    ],
)
def test_a_name_nobody_declared_stays(out: Path, tmp_path: Path, name: str, shown: str | None, reason: str, forbidden: bool) -> None:
    (out / "result.csv").write_text("1")
    (out / name).write_text("secret")

    found = collected(out, tmp_path / "to", ("result.csv",))

    assert [(one.name, one.reason) for one in found.rejected] == [(shown, reason)]
    assert found.forbidden_found is forbidden
    assert sorted(found.outputs) == ([] if forbidden else ["result.csv"])


def test_two_names_of_one_file_are_refused(out: Path, tmp_path: Path) -> None:
    (out / "a.csv").write_text("1")
    os.link(out / "a.csv", out / "b.csv")

    assert {one.reason for one in collected(out, tmp_path / "to", ("a.csv", "b.csv")).rejected} == {"hard_link"}


def test_more_files_than_agreed_are_refused_unlisted(out: Path, tmp_path: Path) -> None:
    for number in range(5):
        (out / f"f{number}").write_text("1")

    found = collected(out, tmp_path / "to", ("f0",), most_files=4)

    assert [(one.name, one.reason) for one in found.rejected] == [(None, "too_many")]


def test_nothing_is_overwritten(out: Path, tmp_path: Path) -> None:
    (out / "a.csv").write_text("new")
    (tmp_path / "a.csv").write_text("old")

    with pytest.raises(FileExistsError):
        collected(out, tmp_path, ("a.csv",))
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_declared_file_that_is_absent_is_missing(out: Path, tmp_path: Path) -> None:
    assert collected(out, tmp_path / "to", ("a.csv",)).missing == ("a.csv",)
