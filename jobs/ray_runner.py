"""The only file that knows Ray. Ray schedules; it is no boundary: its tasks hold ids, launch platform code, and return a status word.

The supervisor's side (``RayRunner``) never imports Ray: its client runs in a driver process (``drive``) that has no keys and no secrets.
One long-lived actor per slot keeps imports warm. Ray never retries: a worker that dies takes its attempt along, and the supervisor decides.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import select
import shutil
import signal
import socket
import stat
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import Unavailable
from catalog.settings import load_settings
from jobs.attempts import execute
from jobs.driven_runner import START_SECONDS, DrivenRunner
from jobs.driver_process import Channel, DriverProcess, Message, children_of, kill_session
from jobs.loopback import enter_loopback_network
from jobs.runner import AttemptRef
from jobs.worker_environment import worker_environment

log = logging.getLogger("glovebox.ray")

OBJECT_STORE_BYTES = 100 << 20  # ids only: Ray's smallest store is more than enough
LOOK_SECONDS = 0.02
LONGEST_FOLDER = 40  # a unix socket's path ends at 107 characters, and Ray appends up to 66
DRIVER = "import sys; from jobs.ray_runner import drive; drive(*sys.argv[1:])"
VITAL = ("raylet", "gcs_server")


class RayRunner(DrivenRunner):
    """Ray started by Glovebox on this machine, or an existing cluster inside the data zone (``address``)."""

    def __init__(self, home: Path, slots: int = 2, address: str = "") -> None:
        super().__init__(slots)
        self._home = home
        self._address = address

    @property
    def temp_dir(self) -> Path:
        """Ray's session folder under a parent only we may enter (Ray itself makes it 0777)."""
        name = f"glovebox-{os.geteuid()}-{hashlib.sha256(str(self._home).encode()).hexdigest()[:10]}"
        root = tempfile.gettempdir()
        return Path(root if len(f"{root}/{name}/ray") <= LONGEST_FOLDER else "/tmp") / name / "ray"

    def make_driver(self) -> DriverProcess:
        arguments = [str(self._home), str(self._slots), self._address, str(self.temp_dir)]
        return DriverProcess(DRIVER, arguments, self.environment())

    def environment(self) -> dict[str, str]:
        """What the driver, Ray's processes and the workers start with; the folder and the token are there afterwards."""
        _private_folder(self.temp_dir.parent)
        return worker_environment(self._home) | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token_file()),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "RAY_worker_niceness": "0",  # by default Ray puts workers, and so the jobs they start, behind everything else on the machine
            "RAY_memory_monitor_refresh_ms": "0",  # jobs are bounded by their jail; no worker is killed and retried for memory
        }

    def _token_file(self) -> Path:
        path = self._home / "keys" / "ray.token"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        if path.stat().st_mode & 0o077:
            raise Unavailable("ray.folder_not_private", path=str(path))
        return path


def _private_folder(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Unavailable("ray.folder_not_private", path=str(path))


def drive(descriptor: str, home: str, slots: str, address: str, temp_dir: str) -> None:
    """The driver process: start Ray, then do what the supervisor's side says. Ends with it, the raylet or the GCS; nothing of Ray stays."""
    if not address and load_settings(Path(home)).database.startswith("sqlite"):
        enter_loopback_network()  # nothing on this machine's network needs Ray, nor Ray it
    channel = Channel(socket.socket(fileno=int(descriptor)))
    threading.Thread(target=_follow, args=(channel,), daemon=True).start()
    try:
        with _sole_session(Path(temp_dir)):
            _start_ray(int(slots), address, temp_dir)
            _Driver(channel, home, int(slots), local=not address).serve()
    except EOFError:
        pass
    except BaseException as error:  # whatever it is, the other side hears its type and this process ends
        channel.send({"said": "failed", "error": type(error).__name__})
    finally:
        _leave()


def _follow(channel: Channel) -> None:
    """End as soon as the supervisor's side is gone, whatever the main thread waits for."""
    channel.wait_for_end()
    _leave()


def _leave() -> None:
    kill_session(os.getsid(0))
    os._exit(1)


@contextlib.contextmanager
def _sole_session(temp_dir: Path) -> Any:
    """Clear what earlier sessions of this home left, unless another driver of it lives."""
    with open(temp_dir.parent / "lock", "w") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(temp_dir, ignore_errors=True)
        yield


def _start_ray(slots: int, address: str, temp_dir: str) -> None:
    import ray

    if address:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        return
    ray.init(
        num_cpus=slots,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        _temp_dir=temp_dir,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


class _Worker:
    """Lives in a Ray worker process; imports once, then executes one attempt after another, each in the main thread."""

    def __init__(self, home: str) -> None:
        from jobs.kinds import load_every_kind, load_services

        self._home = home
        load_services(home)
        load_every_kind()

    def pid(self) -> int:
        return os.getpid()

    def execute(self, job_id: str, number: int) -> str:
        return execute(self._home, job_id, number)


@dataclass(slots=True, eq=False)
class _Hand:
    """A worker as the driver sees it. ``hello`` answers with its pid once its imports are done."""

    actor: Any
    hello: Any
    pid: int = 0
    life: int = -1  # pidfd, where the worker is a process of this machine
    ref: AttemptRef | None = None
    promise: Any = None


class _Driver:
    def __init__(self, channel: Channel, home: str, slots: int, *, local: bool) -> None:
        self._channel = channel
        self._home = home
        self._local = local
        self._waiting: deque[AttemptRef] = deque()
        self._vital = [os.pidfd_open(pid) for pid in children_of(os.getpid()) if _command(pid) in VITAL] if local else []
        self._hands = [self._hire() for _ in range(slots)]

    def serve(self) -> None:
        """Raises EOFError when the other side is gone, ChildProcessError when the raylet or the GCS is."""
        import ray

        ray.get([hand.hello for hand in self._hands], timeout=START_SECONDS)
        self._look()
        self._channel.send({"said": "ready"})
        while True:
            message = self._channel.receive(LOOK_SECONDS)
            if message is not None:
                self._do(message)
            if any(_is_over(life) for life in self._vital):
                raise ChildProcessError
            self._look()
            self._assign()

    def _hire(self) -> _Hand:
        import ray

        actor: Any = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker).remote(self._home)
        return _Hand(actor, actor.pid.remote())

    def _do(self, message: Message) -> None:
        ref = AttemptRef(message["job"], message["number"])
        if message["do"] == "run":
            self._waiting.append(ref)
            return
        if ref in self._waiting:
            self._waiting.remove(ref)
            self._say_ended(ref)
        for hand in [hand for hand in self._hands if hand.ref == ref]:
            self._replace(hand)

    def _look(self) -> None:
        """Who has learned to work, who is through, who is dead."""
        import ray

        promises = [p for hand in self._hands for p in (hand.hello if not hand.pid else None, hand.promise) if p is not None]
        ready = set(ray.wait(promises, num_returns=len(promises), timeout=0)[0]) if promises else set()
        for hand in list(self._hands):
            try:
                if not hand.pid and hand.hello in ready:
                    hand.pid = ray.get(hand.hello)
                    hand.life = os.pidfd_open(hand.pid) if self._local else -1
                if hand.promise is not None and hand.promise in ready:
                    ray.get(hand.promise)
                    self._free(hand)
                if _is_over(hand.life):
                    raise ChildProcessError
            except Exception as error:
                log.warning("worker %d is gone: %s", hand.pid, type(error).__name__)
                self._replace(hand)

    def _assign(self) -> None:
        for hand in self._hands:
            if self._waiting and hand.pid and hand.ref is None:
                ref = hand.ref = self._waiting.popleft()
                hand.promise = hand.actor.execute.remote(ref.job_id, ref.number)
                self._channel.send({"said": "running", "job": ref.job_id, "number": ref.number, "pid": hand.pid})

    def _replace(self, hand: _Hand) -> None:
        """Kill a worker (and by its death its jail) and put a fresh one in its place."""
        import ray

        with contextlib.suppress(Exception):
            ray.kill(hand.actor)
        if hand.life >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(hand.life, signal.SIGKILL)
            os.close(hand.life)
        self._hands[self._hands.index(hand)] = self._hire()
        self._free(hand)

    def _free(self, hand: _Hand) -> None:
        ref, hand.ref, hand.promise = hand.ref, None, None
        if ref is not None:
            self._say_ended(ref)

    def _say_ended(self, ref: AttemptRef) -> None:
        self._channel.send({"said": "ended", "job": ref.job_id, "number": ref.number})


def _is_over(life: int) -> bool:
    """Whether the process behind a pidfd has ended; False for none."""
    if life < 0:
        return False
    poll = select.poll()
    poll.register(life, select.POLLIN)
    return bool(poll.poll(0))


def _command(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
    return ""
