"""Which system calls may a job make? The assembled filter is run here by a small interpreter of classic BPF."""

from __future__ import annotations

import errno
import struct

import pytest

from sandbox.jail.syscalls import ABIS, ALLOW, ALLOWED, ERRNO, KILL_PROCESS, assemble, seccomp_program


def run(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """The filter's answer for one call, as the kernel would compute it."""
    padded = (*arguments, *([0] * 6))[:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *padded)
    at, accumulator = 0, 0
    instructions = list(struct.iter_unpack("<HBBI", program))
    while True:
        code, when_true, when_false, value = instructions[at]
        at += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, value)[0]
            case 0x06:
                return value
            case _:
                tests = {0x15: accumulator == value, 0x35: accumulator >= value, 0x25: accumulator > value, 0x45: bool(accumulator & value)}
                at += when_true if tests[code] else when_false


def denied(number: int) -> int:
    return ERRNO | number


@pytest.mark.parametrize("machine", sorted(ABIS))
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("read", (0,), ALLOW),
        ("openat", (0,), ALLOW),
        ("execve", (0,), ALLOW),
        ("socket", (1, 1, 0), ALLOW),
        ("socket", (2, 1, 0), denied(errno.EAFNOSUPPORT)),
        ("socket", (16, 3, 0), denied(errno.EAFNOSUPPORT)),
        ("socket", (40, 1, 0), denied(errno.EAFNOSUPPORT)),
        ("socketpair", (40, 1, 0), denied(errno.EAFNOSUPPORT)),
        ("clone", (0x11,), ALLOW),
        ("clone", (0x3D0F00,), ALLOW),
        ("clone", (0x10000011,), denied(errno.EPERM)),
        ("clone", (0x40000011,), denied(errno.EPERM)),
        ("clone3", (0, 0), denied(errno.ENOSYS)),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), denied(errno.EPERM)),
        ("ioctl", (0, 0x541C), denied(errno.EPERM)),
        ("ioctl", (0, 0xF00005412), denied(errno.EPERM)),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x40000,), denied(errno.EPERM)),
        ("ptrace", (0,), denied(errno.EPERM)),
        ("process_vm_readv", (0,), denied(errno.EPERM)),
        ("io_uring_setup", (0,), denied(errno.EPERM)),
        ("keyctl", (0,), denied(errno.EPERM)),
        ("memfd_create", (0,), denied(errno.EPERM)),
        ("mount", (0,), denied(errno.EPERM)),
        ("unshare", (0,), denied(errno.EPERM)),
        ("setuid", (0,), denied(errno.EPERM)),
        ("bpf", (0,), denied(errno.EPERM)),
    ],
)
def test_a_call_is_answered(machine: str, call: str, arguments: tuple[int, ...], expected: int) -> None:
    abi = ABIS[machine]

    assert run(seccomp_program(machine), abi.arch, abi.numbers[call], *arguments) == expected


@pytest.mark.parametrize("machine", sorted(ABIS))
def test_a_call_nobody_knows_yet_says_it_is_not_there(machine: str) -> None:
    assert run(seccomp_program(machine), ABIS[machine].arch, 9999) == denied(errno.ENOSYS)


@pytest.mark.parametrize("machine", sorted(ABIS))
def test_a_call_of_another_machine_kills(machine: str) -> None:
    assert run(seccomp_program(machine), 0x40000003, 20) == KILL_PROCESS


def test_an_x32_call_kills() -> None:
    assert run(seccomp_program("x86_64"), ABIS["x86_64"].arch, 0x40000000 | 39) == KILL_PROCESS


@pytest.mark.parametrize("machine", sorted(ABIS))
def test_exactly_the_listed_calls_are_allowed(machine: str) -> None:
    abi = ABIS[machine]
    program = seccomp_program(machine)
    by_argument = {"socket", "socketpair", "clone", "clone3", "ioctl", "personality"}
    allowed = {number for name, number in abi.numbers.items() if name not in by_argument and run(program, abi.arch, number) == ALLOW}

    assert allowed == {abi.numbers[name] for name in ALLOWED if name in abi.numbers}


def test_every_listed_call_exists_somewhere() -> None:
    known = {name for abi in ABIS.values() for name in abi.numbers}

    assert known >= ALLOWED


@pytest.mark.parametrize("machine", sorted(ABIS))
def test_no_jump_leaves_the_program(machine: str) -> None:
    program = assemble(ABIS[machine])

    for at, instruction in enumerate(program):
        assert at + 1 + max(instruction.when_true, instruction.when_false) < len(program) or instruction.code == 0x06
