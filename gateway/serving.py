"""The two long-lived processes: the gateway (uvicorn), and the supervisor's loop that it keeps alive beside it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from catalog import canonical_json
from catalog.errors import BadInput, Unavailable
from catalog.private_files import write_over
from gateway.app import create_app
from gateway.cli.connection import ADDRESS_FILE
from gateway.cli.output import note
from gateway.composition import build_platform, build_supervisor
from gateway.keeper import Keeper, parent_has_ended

RUNNERS = ("ray", "local")
LOOK_SECONDS = 1.0
SHUTDOWN_SECONDS = 10


def serve(home: Path, host: str, port: int, runner: str | None) -> None:
    """Answer on ``host``:``port`` until SIGTERM or Ctrl-C; keep ``dispatch`` alive unless ``runner`` is None.

    Raises Unavailable("cli.port_taken") when the address cannot be had.
    """
    _log_to_stderr()
    _check_runner(runner or RUNNERS[0])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn shuts down first, then hands the signal on to this
    platform = build_platform(home)
    listening = _listen(host, port)
    address = f"http://{_in_url(host)}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        create_app(platform), log_level="warning", server_header=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS, access_log=False
    )
    with listening, _dispatching(home, runner), _announced(home, address):
        note("cli.serving", address=address)
        uvicorn.Server(config).run(sockets=[listening])
    platform.database.close()


def dispatch(home: Path, runner: str) -> None:
    """The supervisor's loop until SIGTERM, Ctrl-C, or the end of the process that keeps this one."""
    _log_to_stderr()
    _check_runner(runner)
    supervisor = build_supervisor(build_platform(home), runner)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    over = threading.Event()

    def follow_parent() -> None:
        while not over.wait(LOOK_SECONDS):
            if parent_has_ended():
                supervisor.stop()

    threading.Thread(target=follow_parent, name="parent", daemon=True).start()
    note("cli.dispatching", runner=runner)
    supervisor.loop()
    over.set()


def _leave(*_: object) -> None:
    """Ends the process by way of every ``finally``: the child is ended, the address withdrawn."""
    raise SystemExit(0)


def _check_runner(runner: str) -> None:
    if runner not in RUNNERS:
        raise BadInput("cli.bad_runner", runners=", ".join(RUNNERS))


@contextmanager
def _dispatching(home: Path, runner: str | None) -> Iterator[None]:
    if runner is None:
        yield
        return
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "dispatch", "--runner", runner]
    keeper = Keeper(command, {**os.environ, "GLOVEBOX_HOME": str(home)})
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()


@contextmanager
def _announced(home: Path, address: str) -> Iterator[None]:
    """So that commands on this machine find the server of their home."""
    path = home / ADDRESS_FILE
    write_over(path, canonical_json.dumps({"address": address, "pid": os.getpid()}) + b"\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # from here on nobody else can have it, and who connects waits for the application
    except OSError as error:
        listening.close()
        raise Unavailable("cli.port_taken", host=host, port=port, reason=error.strerror or type(error).__name__) from None
    return listening


def _in_url(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{reachable}]" if ":" in reachable else reachable


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
