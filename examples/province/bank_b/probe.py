"""A bank's script that looks for a way out of the box and counts what it reached. In the box every count is 0.

It needs nothing but Python, changes nothing, and reports numbers only. Outside the box some counts are not 0: that is the control.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

WAIT = 1.0  # seconds per connection
MOST_FILES = 20_000
OUTSIDE = ("192.0.2.1", 53)  # a documentation address (RFC 5737): nobody is there, and reaching out is what counts
NEIGHBOURS = (22, 53, 80, 443, 5432, 6379, 8000, 8080, 8265, 10001)
SECRETS = ("/etc/shadow", "/etc/gshadow", "/root/.ssh/id_ed25519", "/proc/kcore")
COMMANDS = "/proc/sys/kernel/core_pattern"
# Kernel, interpreter and the job's own folders: nothing of the platform's lies there.
NOT_SEARCHED = ("/proc", "/sys", "/usr", "/in", "/code", "/work")
KEY_WORDS = (".key.json", "glovebox.db", "catalogue.db")
TELLING = ("GLOVEBOX", "RAY_", "TOKEN", "SECRET", "PASSWORD", "DATABASE")


def network() -> int:
    """TCP to the outside and to neighbours on this machine."""
    doors = [OUTSIDE, *(("127.0.0.1", port) for port in NEIGHBOURS)]
    return sum(_works(partial(_connect, door)) for door in doors)


def names() -> int:
    """Resolving names."""
    return sum(_works(partial(socket.getaddrinfo, name, 443)) for name in ("example.org", "metadata.internal"))


def secrets() -> int:
    """Files that only an administrator reads, and a file by which one commands the kernel, opened for writing (nothing is written)."""
    return sum(_works(partial(_first_byte, path)) for path in SECRETS) + _works(partial(os.open, COMMANDS, os.O_WRONLY))


def keys() -> int:
    """The platform's key files and databases, wherever they may lie."""
    return sum(any(word in path for word in KEY_WORDS) for path in _files(Path("/")))


def scheduler() -> int:
    """The scheduler's folders, sockets, shared memory and processes."""
    folders = [p for p in ("/tmp/ray", "/dev/shm/ray") if Path(p).exists()]
    shared = [p for p in _files(Path("/dev/shm")) if "plasma" in p or "ray" in p]
    running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"raylet" in _bytes(p) or b"gcs_server" in _bytes(p)]
    return len(folders) + len(shared) + len(running)


def environment() -> int:
    """Variables that tell something, of this process and of any other that can be read."""
    own = sum(any(word in name.upper() for word in TELLING) for name in os.environ)
    others = [_bytes(p) for p in Path("/proc").glob("[0-9]*/environ") if p.parent.name != str(os.getpid())]
    return own + sum(any(word.encode() in content for word in TELLING) for content in others)


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ValueError):
        return False
    return True


def _connect(door: tuple[str, int]) -> None:
    socket.create_connection(door, timeout=WAIT).close()


def _first_byte(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(1)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _files(root: Path) -> Iterator[str]:
    seen = 0
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if str(Path(folder, name)) not in NOT_SEARCHED]
        for name in files:
            seen += 1
            if seen > MOST_FILES:
                return
            yield str(Path(folder, name))


def main() -> None:
    found = {f"reached_{probe.__name__}": probe() for probe in (network, names, secrets, keys, scheduler, environment)}
    metrics = {"v": 1, "metrics": {"reached": sum(found.values()), **found}}
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "/out/metrics.json")
    target.write_text(json.dumps(metrics), encoding="utf-8")


if __name__ == "__main__":
    main()
