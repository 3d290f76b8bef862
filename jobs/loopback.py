"""A network of one's own: loopback and nothing else. Ray listens on every interface whatever it is told, so it gets no other interface.

Entering needs privilege (root, or CAP_SYS_ADMIN); the caller must not need the network itself.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 0x1


def enter_loopback_network() -> bool:
    """Move this process, and whatever it starts, into a fresh network namespace with ``lo`` up. False when that is not permitted."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(handle, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
    return True


def interfaces() -> list[str]:
    """The network interfaces this process can see."""
    return sorted(os.listdir("/sys/class/net")) if os.path.isdir("/sys/class/net") else []
