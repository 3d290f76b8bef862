"""What stands around the jail during the probes: canaries where secrets would be, listeners, look-alikes of a scheduler."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CANARY_FILES = (
    "home/glovebox.db",
    "home/keys/pseudonym.key",
    "home/user/.ssh/id_ed25519",
    "attempts/other/rows.arrow",
    "session/logs/canary",
)


@contextlib.contextmanager
def planted(uid: int) -> Iterator[dict[str, Any]]:
    """Plant everything, owned by ``uid`` so that an unjailed control can reach it; yield where it is (JSON values only)."""
    canary = f"canary-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="glovebox-planted-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for name in CANARY_FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(canary)
        (folder / "session" / "sockets").mkdir()
        shared = Path("/dev/shm") / f"glovebox-planted-{secrets.token_hex(4)}"
        shared.write_text(canary)
        stack.callback(shared.unlink)
        found: dict[str, Any] = {
            "canary": canary,
            "mark": f"glovebox-mark-{secrets.token_hex(8)}",
            "folder": str(folder),
            "shm": str(shared),
            "ray": str(folder / "session"),
            "service_pid": os.getpid(),
            **_listeners(stack, folder),
        }
        for path in [folder, *folder.rglob("*"), shared]:
            path.chmod(0o777 if path.is_dir() or path.is_socket() else 0o666)
            _give(path, uid)
        found["victim_pid"] = _victim(stack, uid, canary)
        found["descriptor"] = _inheritable(stack, folder / "home" / "keys" / "pseudonym.key")
        _environment(stack, canary)
        yield found


def _give(path: Path, uid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, uid)


def _listeners(stack: contextlib.ExitStack, folder: Path) -> dict[str, Any]:
    address = _host_address()
    abstract = f"glovebox-{secrets.token_hex(6)}"
    port = _listen(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))[1]
    _listen(stack, socket.AF_INET, socket.SOCK_STREAM, (address, port))
    for path in (folder / "service.sock", folder / "session/sockets/raylet", folder / "session/sockets/plasma_store"):
        _listen(stack, socket.AF_UNIX, socket.SOCK_STREAM, str(path))
    _listen(stack, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract)
    return {
        "tcp_port": port,
        "tcp6_port": _listen(stack, socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))[1],
        "gcs_port": _listen(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))[1],
        "udp_port": _listen(stack, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))[1],
        "host_address": address,
        "unix": str(folder / "service.sock"),
        "abstract": abstract,
    }


def _host_address() -> str:
    """This machine's address on its own network, else a second loopback address. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect(("192.0.2.1", 9))
            return str(link.getsockname()[0])
        except OSError:
            return "127.0.0.2"


def _listen(stack: contextlib.ExitStack, family: int, kind: int, address: Any) -> Any:
    server = stack.enter_context(socket.socket(family, kind))
    server.bind(address)
    if kind == socket.SOCK_STREAM:
        server.listen(16)
    else:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
    return server.getsockname()


def _echo(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            data, sender = server.recvfrom(64)
            server.sendto(data, sender)


def _victim(stack: contextlib.ExitStack, uid: int, canary: str) -> int:
    """A process of the control's user with a canary in its environment, as another job or service would be."""
    drop = {"user": uid, "group": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    environment = {"PATH": "/usr/bin:/bin", "SECRET": canary}
    victim = subprocess.Popen(["sh", "-c", "sleep 600; : canary-victim"], env=environment, cwd="/", start_new_session=True, **drop)
    stack.callback(victim.wait)
    stack.callback(os.killpg, victim.pid, 9)
    return victim.pid


def _inheritable(stack: contextlib.ExitStack, path: Path) -> int:
    number = os.open(path, os.O_RDONLY)
    stack.callback(os.close, number)
    os.set_inheritable(number, True)
    return number


def _environment(stack: contextlib.ExitStack, canary: str) -> None:
    for name in ("GLOVEBOX_CANARY", "RAY_CANARY"):
        os.environ[name] = canary
        stack.callback(os.environ.pop, name, None)
