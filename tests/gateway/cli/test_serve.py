"""A server for the home: found by commands on this machine, its supervisor kept alive, both gone after SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SERVE = "from gateway.cli import main; main()"
STARTED_WITHIN_SECONDS = 60


def until(look, seconds=STARTED_WITHIN_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    return None


def children(pid):
    """Process ids of the direct children, whichever thread started them."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


@pytest.fixture
def served(command, tmp_path):
    """A new home with a server of its own on a free port: (run, process)."""
    places = {"GLOVEBOX_HOME": str(tmp_path / "home"), "GLOVEBOX_CONFIG": str(tmp_path / "session.json")}

    def run(*words, **environment):
        return command(*words, **places, **environment)

    first = run("init", "--json").json
    words = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--runner", "local"]
    process = subprocess.Popen(words, env={**os.environ, **places}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        assert until((tmp_path / "home" / "server.json").exists)
        yield run, process, first, json.loads((tmp_path / "home" / "server.json").read_text())["address"]
    finally:
        process.terminate()
        process.wait(60)


def test_commands_find_the_server_and_its_supervisor_comes_back_after_a_kill(served, tmp_path):
    run, process, first, address = served
    assert until(lambda: run("--server", address, "trust", "show").code == 0)
    assert run("login", "admin", GLOVEBOX_PASSWORD=first["one_time_password"]).code == 0
    assert run("whoami", "--json").json["must_change_password"] is True
    supervisor = until(lambda: children(process.pid))[0]
    os.kill(supervisor, signal.SIGKILL)
    again = until(lambda: [child for child in children(process.pid) if child != supervisor])
    assert again
    process.terminate()
    assert process.wait(60) == 0
    assert until(lambda: not os.path.exists(f"/proc/{again[0]}"))
    assert not (tmp_path / "home" / "server.json").exists()
    assert run("whoami").code == 0  # the same session, in-process


def test_a_port_that_is_taken_says_so(served):
    run, _, _, address = served
    ended = run("serve", "--port", address.rpartition(":")[2])
    assert ended.code == 1
    assert "--port" in ended.err
