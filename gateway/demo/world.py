"""The demo's platform: a fresh home, a server process that answers on this machine, and one signed-in client per person."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from catalog.errors import BadInput, Unavailable
from gateway.cli.connection import ADDRESS_FILE
from gateway.client.api import GloveboxClient, Json
from gateway.client.personal_keys import PersonalKey
from gateway.composition import initialise_home

MARK = "DEMO"
START_SECONDS = 120
JOB_SECONDS = 180
ENDED = ("succeeded", "failed", "cancelled", "refused", "expired")


@dataclass
class World:
    """``people`` are clients by login; ``keys`` are what officers and banks made on their own side."""

    home: Path
    scratch: Path
    server: subprocess.Popen[bytes]
    address: str
    people: dict[str, GloveboxClient] = field(default_factory=dict)
    keys: dict[str, PersonalKey] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)  # status by job, of every job somebody waited for
    opened: list[httpx.Client] = field(default_factory=list)

    def visitor(self) -> GloveboxClient:
        """Somebody who is not signed in. The connection is closed by ``stop``."""
        self.opened.append(httpx.Client(base_url=self.address, timeout=60))
        return GloveboxClient(self.opened[-1])

    def sign_in_first(self, login: str, one_time_password: str) -> GloveboxClient:
        """The first sign-in: the one-time password is changed at once."""
        client = self.visitor()
        client.sign_in(login, one_time_password)
        password = secrets.token_urlsafe(15)
        client.change_password(one_time_password, password)
        client.sign_in(login, password)
        self.people[login], self.passwords[login] = client, password
        return client

    def wait_for_job(self, login: str, job_id: str) -> Json:
        """The job once it ended. Raises Unavailable when it takes longer than any step of the demo should."""
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            job = self.people[login].job(job_id)
            if job["status"] in ENDED:
                self.ended[job_id] = str(job["status"])
                return job
            time.sleep(0.1)
        raise Unavailable("demo.too_slow", what=job_id, seconds=JOB_SECONDS)

    def wait_for_release(self, login: str, release_id: str, *left: str) -> Json:
        """The release once it is none of ``left`` any more."""
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            release = self.people[login].release(release_id)
            if release["state"] not in left:
                return release
            time.sleep(0.1)
        raise Unavailable("demo.too_slow", what=release_id, seconds=JOB_SECONDS)

    def stop(self) -> None:
        """End the server and what it keeps."""
        for client in self.opened:
            client.close()
        self.server.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.wait(30)
        if self.server.poll() is None:
            self.server.kill()
            self.server.wait()


def open_world(home: Path, platform: str, cohort_floor: int, port: int = 0) -> tuple[World, str, str]:
    """(world, first login, its one-time password). An earlier demo's home is replaced; any other folder is left alone (BadInput)."""
    if home.exists():
        if not (home / MARK).exists():
            raise BadInput("demo.home_taken", home=str(home))
        shutil.rmtree(home)
    first = initialise_home(home, platform=platform, cohort_floor=cohort_floor)
    (home / MARK).write_text("Everything in this folder was made up by `glovebox demo`; it may be deleted.\n")
    scratch = home / "demo-files"
    scratch.mkdir(mode=0o700)
    environment = {**os.environ, "GLOVEBOX_HOME": str(home), "GLOVEBOX_ENVIRONMENTS": _environments(home)}
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    world = World(home, scratch, server, "")
    try:
        world.address = _await_address(world)
    except BaseException:
        world.stop()
        raise
    return world, first.login, first.password


def _environments(home: Path) -> str:
    """Jobs' environments are built once beside the demo's home, not in it: they outlive it."""
    return os.environ.get("GLOVEBOX_ENVIRONMENTS") or str(home.parent / "environments")


def _await_address(world: World) -> str:
    import json

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if world.server.poll() is not None:
            raise Unavailable("demo.server_ended", log=str(world.home / "server.log"))
        with contextlib.suppress(FileNotFoundError, ValueError, Unavailable):
            address: Any = json.loads((world.home / ADDRESS_FILE).read_text())["address"]
            world.address = str(address)
            if world.visitor().health()["supervisor_alive"]:
                return world.address
        time.sleep(0.1)
    raise Unavailable("demo.too_slow", what="serve", seconds=START_SECONDS)
