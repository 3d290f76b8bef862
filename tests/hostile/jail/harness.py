# ruff: noqa: F401 - the imports are the probes' vocabulary
"""Runs one probe, in a jail or as its unjailed control, and says whether the attack reached what it was after.

Standard library only: it is bound into the jail as it is. A probe that runs to its end has reached its aim; OSError and
Stopped mean it was stopped; anything else is a broken probe and fails the test.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
PLACE = {}


class Stopped(Exception):
    pass


def main(probe, place, verdict, setup):
    """``verdict`` is where to write what happened; "-" lets every exception go, for probes that are judged by their ending."""
    with open(place) as file:
        PLACE.update(json.load(file))
    with open(probe) as file:
        code = compile(file.read(), "probe", "exec")
    if setup == "user_namespace":
        enter_user_namespace()
    names = dict(globals()) | {"CANARY": PLACE["canary"]}
    if verdict == "-":
        exec(code, names)
        return
    try:
        exec(code, names)
        answer = {"reached": True, "how": "ran to its end"}
    except (OSError, ImportError, MemoryError, Stopped) as error:
        number = getattr(error, "errno", None)
        answer = {"reached": False, "how": errno.errorcode.get(number, "?") if number else f"{type(error).__name__} {error}"[:80]}
    with open(verdict, "w") as file:
        json.dump(answer, file)


def enter_user_namespace():
    uid, gid = os.getuid(), os.getgid()
    if LIBC.unshare(0x10000000 | 0x20000 | 0x40000000 | 0x4000000 | 0x8000000) != 0:
        raise RuntimeError("the control needs a user namespace")
    for path, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w") as file:
            file.write(line)


def reached(aim, how):
    if not aim:
        raise Stopped(how)


def call(name, *arguments):
    """(result, errno name) of a raw system call."""
    ctypes.set_errno(0)
    number = name if isinstance(name, int) else PLACE["numbers"][name]
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(value) if isinstance(value, int) else value for value in arguments])
    return result, errno.errorcode.get(ctypes.get_errno(), "OK") if result == -1 else "OK"


def kernel_answers(name, *arguments):
    """The call's handler ran: it succeeded, or complained about the arguments rather than about the right to call."""
    result, answer = call(name, *arguments)
    reached(answer not in ("EPERM", "ENOSYS"), answer)
    return result


def connect(family, kind, address):
    with contextlib.closing(socket.socket(family, kind)) as link:
        link.settimeout(2)
        link.connect(address)
        link.send(b"x")
        if kind == socket.SOCK_DGRAM:
            link.recv(1)


def reads(path):
    with open(path) as file:
        reached(PLACE["canary"] in file.read(), "no canary there")


def writes(folder):
    path = os.path.join(folder, "mark")
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)


def child(action):
    """Run ``action`` in a forked child; its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = action() or 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def let_go_of_output():
    for number in range(3):
        os.dup2(os.open("/dev/null", os.O_RDWR), number)


if __name__ == "__main__":
    main(*sys.argv[1:5])
