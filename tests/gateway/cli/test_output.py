"""What a person sees on a small screen: ids whole, times to the minute, reasons on lines of their own, never JSON."""

import contextlib
import io
import json
import os
import subprocess
import sys

import pytest

from gateway.cli import output, releases

WHY = {"code": "x", "text": "waits for a worker; " * 8, "text_zh": "等待"}
JOBS = [
    {"id": f"job-{n:020d}", "kind": "train", "step": "train_with_a_long_name", "status": "succeeded", "outcome": None}
    | {"submitted_at": "2026-06-30T08:09:10.123456+08:00", "why": WHY if n else None}
    for n in range(2)
]
SHOW = """
import json, sys
from gateway.cli.output import show_list
rows, columns = json.loads(sys.argv[1])
show_list(rows, columns, False)
"""


def on_a_screen(rows, columns, width=80):
    """The lines a terminal of ``width`` columns gets."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "dumb"}
    shown = subprocess.Popen(
        [sys.executable, "-c", SHOW, json.dumps([rows, columns])], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # Linux says so when the other side is closed
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    assert shown.wait() == 0, said
    return said.decode().replace("\r", "").splitlines()


@pytest.mark.parametrize(
    "columns",
    [
        ("id", "kind", "step", "status", "outcome", "submitted_at", "why"),
        ("id", "name", "organisation_id", "purpose", "expires_at", "closed_at"),
        ("id", "name", "algorithm", "bands", "approved_at", "revoked_at"),
    ],
)
def test_does_every_id_appear_whole_on_eighty_columns(columns):
    more = {"name": "first_loans_of_a_bank", "organisation_id": "bank_a", "purpose": "first loans of young firms, " * 3}
    more |= {"algorithm": "lightgbm", "bands": 20, "approved_at": "2026-06-30T08:09:10+08:00", "expires_at": "2027-06-30T08:09:10+08:00"}
    lines = on_a_screen([{**more, **job} for job in JOBS], columns)
    assert [line.split()[0] for line in lines if line.startswith("job-")] == [job["id"] for job in JOBS]
    assert max(map(len, lines)) <= 80


def test_an_id_longer_than_the_screen_loses_nothing():
    assert JOBS[0]["id"] in "".join(on_a_screen(JOBS, ("id", "status"), width=20))


def test_times_are_to_the_minute_and_a_reason_stands_below_its_row():
    lines = on_a_screen(JOBS, ("id", "status", "submitted_at", "why"))
    assert [line.split()[-2:] for line in lines if line.startswith("job-")] == [["2026-06-30", "08:09"]] * 2
    assert lines[3].startswith("  waits for a worker;")


def test_no_table_holds_json():
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        output.show_one({"files": {"model.txt": None}, "spec": {"kind": "train", "needs": ["a", {"b": 1}]}, "rows": [1, 2]}, False)
    assert not set('{}[]"') & set(said.getvalue())
    assert "kind: train" in said.getvalue()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("one_review", "your vote is signed; release rel-1 is one_review: one more vote needed\n"),
        ("strange", "your vote is signed; release rel-1 is strange: see `glovebox release show rel-1`\n"),
    ],
)
def test_a_vote_is_told_in_one_sentence_and_whole_as_json(capsys, state, expected):
    release = {"id": "rel-1", "state": state, "findings": [{"check": "depth"}]}
    releases._tell(release, False, "cli.vote_signed")
    assert capsys.readouterr().out == expected
    releases._tell(release, True, "cli.vote_signed")
    assert json.loads(capsys.readouterr().out) == release


@pytest.mark.parametrize("decision", ["return", "reject"])
def test_who_sends_a_release_back_says_why(terminal, decision):
    ended = terminal("release", "vote", "rel-1", decision, "--key", "my.key")
    assert (ended.code, ended.out) == (2, "")
    assert "--comment" in ended.err


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [("pass", ("0 offenders", "at least 10 required", None)), ("block", ("0 offenders", "at least 10 required", "merge"))],
)
def test_a_passing_check_says_no_fault_and_a_count_is_no_figure(verdict, shown):
    told = releases._finding({"check": "curve_steps", "verdict": verdict, "value": 0, "limit": 10, "fix": "merge", "fix_zh": "合并"})
    assert (told["found"], told["limit"], told["why"]) == shown


def test_roles_are_named_in_the_help(terminal):
    said = " ".join(terminal("user", "roles", "--help").out.split())
    assert "security_administrator" in said
    assert "bank_approver" in said
