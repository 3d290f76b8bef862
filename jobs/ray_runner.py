"""The only file that knows Ray. Ray schedules; it is no boundary: its tasks hold ids, launch platform code, and return a status word.

One long-lived actor per slot keeps imports warm. An actor that dies takes its attempt with it; the supervisor decides what follows.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Any

import ray

from catalog.errors import Unavailable
from jobs.attempts import execute
from jobs.runner import AttemptRef, RunState

log = logging.getLogger("glovebox.ray")

OBJECT_STORE_BYTES = 100 << 20  # ids only: Ray's smallest store is more than enough

LONGEST_LEAVE_SECONDS = 10.0


class _Worker:
    """Lives in a Ray worker process; imports once, then executes one attempt after another."""

    def __init__(self, home: str) -> None:
        from jobs.kinds import load_services

        self._home = home
        load_services(home)

    def pid(self) -> int:
        return os.getpid()

    def execute(self, job_id: str, number: int) -> str:
        return execute(self._home, job_id, number)


class RayRunner:
    """Ray started by Glovebox on this machine, or an existing cluster inside the data zone (``address``)."""

    def __init__(self, home: Path, slots: int = 2, address: str = "") -> None:
        self._home = home
        self._slots = slots
        self._address = address
        self._actors: list[Any] = []
        self._busy: dict[AttemptRef, tuple[Any, Any]] = {}
        self._ended: set[AttemptRef] = set()

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def temp_dir(self) -> Path:
        """Ray's session folder under a parent only we may enter. Short, because unix socket paths end at 107 characters."""
        name = hashlib.sha256(str(self._home).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"glovebox-{os.geteuid()}-{name}" / "ray"

    def start(self) -> None:
        if ray.is_initialized() and self._alive():
            return
        self._forget()
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(self._token_file())
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        _private_folder(self.temp_dir.parent)
        try:
            if self._address:
                ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
            else:
                ray.init(
                    num_cpus=self._slots,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _temp_dir=str(self.temp_dir),
                    _node_ip_address="127.0.0.1",
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
        except Exception as error:
            raise Unavailable("ray.not_started", error=type(error).__name__) from error
        self._actors = [self._new_actor() for _ in range(self._slots)]

    def _new_actor(self) -> Any:
        remote = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        return remote.remote(str(self._home))

    def run(self, ref: AttemptRef) -> None:
        if self.look(ref) is RunState.ALIVE:
            return
        self.start()
        actor = self._free_actor()
        if actor is None:
            raise Unavailable("ray.no_slot", slots=self._slots)
        self._busy[ref] = (actor, actor.execute.remote(ref.job_id, ref.number))

    def _free_actor(self) -> Any | None:
        """An actor without an attempt. An attempt whose job has ended may need a moment to leave its worker."""
        if len(self._busy) >= self._slots:
            ray.wait([promise for _, promise in self._busy.values()], num_returns=1, timeout=LONGEST_LEAVE_SECONDS)
        for ref in list(self._busy):
            self.look(ref)
        taken = {id(actor) for actor, _ in self._busy.values()}
        return next((a for a in self._actors if id(a) not in taken), None)

    def look(self, ref: AttemptRef) -> RunState:
        if ref not in self._busy:
            return RunState.ENDED if ref in self._ended else RunState.UNKNOWN
        actor, promise = self._busy[ref]
        try:
            ready, _ = ray.wait([promise], timeout=0)
            if not ready:
                return RunState.ALIVE
            ray.get(promise)
        except Exception as error:
            log.warning("attempt %s/%s: %s", ref.job_id, ref.number, type(error).__name__)
            self._replace(actor)
        self._end(ref)
        return RunState.ENDED

    def pid(self, ref: AttemptRef) -> int:
        """The worker process that executes ``ref``; read from Ray's own state, since the actor itself is busy."""
        from ray.util.state import get_actor

        actor, _ = self._busy[ref]
        state = get_actor(actor._actor_id.hex())
        return int(getattr(state, "pid", None) or 0)

    def stop(self, ref: AttemptRef) -> None:
        if ref not in self._busy:
            return
        actor, _ = self._busy[ref]
        self._replace(actor)
        self._end(ref)

    def close(self) -> None:
        self._forget()

    def _end(self, ref: AttemptRef) -> None:
        self._busy.pop(ref, None)
        self._ended.add(ref)

    def _replace(self, actor: Any) -> None:
        """Kill an actor (its process, and by parent death its jail) and put a fresh one in its place."""
        with contextlib.suppress(Exception):
            ray.kill(actor)
        self._actors = [a for a in self._actors if a is not actor]
        with contextlib.suppress(Exception):
            self._actors.append(self._new_actor())

    def _alive(self) -> bool:
        with contextlib.suppress(Exception):
            return any(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
        return False

    def _forget(self) -> None:
        for ref in list(self._busy):
            self._end(ref)
        self._actors = []
        with contextlib.suppress(Exception):
            ray.shutdown()

    def _token_file(self) -> Path:
        path = self._home / "keys" / "ray.token"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        return path


def _private_folder(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Unavailable("ray.folder_not_private", path=str(path))
