"""The supervisor is kept alive by the server beside it, and never outlives it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gateway import keeper
from gateway.keeper import Keeper

SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def kept():
    started = []

    def start(program):
        keeper_ = Keeper([sys.executable, "-c", program])
        started.append(keeper_)
        keeper_.start()
        return keeper_

    yield start
    for each in started:
        each.stop()


def test_a_child_that_was_killed_is_started_again(kept):
    keeper_ = kept(SLEEP)
    assert until(lambda: keeper_.pid)
    first = keeper_.pid
    os.kill(first, signal.SIGKILL)
    assert until(lambda: keeper_.pid not in (None, first))


def test_a_child_that_dies_at_once_is_not_started_without_pause(kept):
    keeper_ = kept("")
    assert until(lambda: keeper_.starts == 2)
    time.sleep(0.3)
    assert keeper_.starts == 2


def test_stopping_ends_the_child(kept):
    keeper_ = kept(SLEEP)
    assert until(lambda: keeper_.pid)
    pid = keeper_.pid
    keeper_.stop()
    assert gone(pid)
    keeper_.stop()


def test_a_child_that_will_not_leave_is_killed():
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    keeper.end(child, leave_seconds=0.3)
    assert child.returncode == -signal.SIGKILL
    child.stdout.close()


@pytest.mark.parametrize(("parent", "ended"), [(None, False), (str(os.getppid()), False), ("999999999", True)])
def test_a_kept_child_notices_that_its_keeper_is_gone(monkeypatch, parent, ended):
    monkeypatch.delenv(keeper.WITH_PARENT, raising=False)
    if parent is not None:
        monkeypatch.setenv(keeper.WITH_PARENT, parent)
    assert keeper.parent_has_ended() is ended
