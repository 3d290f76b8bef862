"""First program in every jail, trusted: bounds itself, proves each layer to the parent, waits, becomes the job.

Standard library only. Its proof goes through a socket that is closed before the job's program starts, so nothing the
program does can stand in for it. When the parent goes away first, nothing starts.
"""

import _socket
import ctypes
import errno
import json
import os
import resource
import socket
import sys

LARGEST_ORDER = 1 << 17
PTRACE = {"x86_64": 101, "aarch64": 117}
FORBIDDEN_FAMILIES = {"inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "alg": 38, "vsock": 40}
WRITABLE = ("/out", "/tmp", "/dev/shm")
UNWRITABLE = ("/", "/dev", "/in", "/code", "/etc", "/jail", "/env", "/proc/sys/kernel/core_pattern")


def main(number: int) -> None:
    channel = socket.socket(fileno=number)
    order = json.loads(channel.recv(LARGEST_ORDER))
    for name, value in order["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    folders = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in WRITABLE]
    socket.send_fds(channel, [json.dumps(proof(list(order["rlimits"]), number, folders)).encode()], folders)
    if channel.recv(16) != b"go":
        return
    channel.close()
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.environ.update(order["variables"])
    os.execv(sys.executable, [sys.executable, *order["program"]])  # noqa: S606 - there is no shell in here


def proof(rlimits: list[str], channel: int, folders: list[int]) -> dict[str, object]:
    status = dict(line.split(":\t", 1) for line in read("/proc/self/status").splitlines() if ":\t" in line)
    return {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "capabilities": max(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")),
        "no_new_privileges": status["NoNewPrivs"].strip(),
        "seccomp": status["Seccomp"].strip(),
        "interfaces": sorted(line.split(":")[0].strip() for line in read("/proc/net/dev").splitlines()[2:]),
        "ptrace": denial_of_call(PTRACE[os.uname().machine], 0, 0, 0, 0),
        "families_open": [name for name, family in FORBIDDEN_FAMILIES.items() if can_open(family)],
        "writable": [path for path in UNWRITABLE if can_write(path)],
        "descriptors": inherited({0, 1, 2, channel, *folders}),
        "rlimits": {name: list(resource.getrlimit(getattr(resource, name))) for name in rlimits},
        "session": os.getsid(0) == os.getpgrp() and os.getpid() < 10,
        "groups_hidden": all(line.endswith(":/") for line in read("/proc/self/cgroup").splitlines()),
    }


def inherited(known: set[int]) -> list[int]:
    """Open descriptors nobody meant to hand over (the one that lists the folder is closed by the time it is asked)."""
    return sorted(number for number in map(int, os.listdir("/proc/self/fd")) if number not in known and is_open(number))


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def denial_of_call(number: int, *arguments: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *arguments)
    return errno.errorcode.get(ctypes.get_errno(), "?") if result == -1 else ""


def can_open(family: int) -> bool:
    try:
        _socket.socket(family, 3 if family in (16, 17) else 1, 0).close()
    except OSError:
        return False
    return True


def can_write(path: str) -> bool:
    return os.path.exists(path) and os.access(path, os.W_OK)


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
    sys.exit(1)
