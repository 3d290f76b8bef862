"""The system calls a job may make: an allow-list, assembled into a classic-BPF seccomp program without any C library.

Four answers: allow; EPERM for what exists and is denied; ENOSYS for what this list has never heard of, so that libraries
fall back; kill for a call of a foreign ABI (i386 or x32), whose numbers mean something else.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from seccompy import syscalls as tables


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILES = _names("""
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek
    sendfile splice tee copy_file_range stat fstat lstat newfstatat statx access faccessat faccessat2 statfs fstatfs getdents
    getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat
    readlink readlinkat chmod fchmod fchmodat fchmodat2 umask utime utimes utimensat futimesat truncate ftruncate fallocate fsync
    fdatasync sync_file_range readahead fadvise64 flock fcntl dup dup2 dup3 pipe pipe2 getxattr lgetxattr fgetxattr listxattr
    llistxattr flistxattr inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
""")
MEMORY = _names("""
    mmap munmap mprotect mremap brk msync mincore madvise mlock mlock2 munlock membarrier mseal map_shadow_stack set_mempolicy
    get_mempolicy mbind
""")
PROCESSES = _names("""
    fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill pidfd_open pidfd_send_signal getpid gettid getppid
    getpgrp getpgid setpgid getsid setsid getuid getgid geteuid getegid getgroups getresuid getresgid capget prctl arch_prctl
    getrlimit setrlimit prlimit64 getrusage getpriority setpriority sched_yield sched_setparam sched_getparam sched_setscheduler
    sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setattr sched_getattr
    sched_setaffinity sched_getaffinity set_tid_address set_robust_list get_robust_list rseq futex futex_waitv futex_wake futex_wait
    futex_requeue getcpu
""")
SIGNALS_AND_TIME = _names("""
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack restart_syscall
    pause signalfd signalfd4 nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getitimer setitimer alarm
    timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_gettime
""")
WAITING_AND_LOCAL_SOCKETS = _names("""
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 connect
    accept accept4 bind listen shutdown sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg getsockname getpeername setsockopt
    getsockopt
""")
MACHINE = _names("uname sysinfo getrandom")
ALLOWED = FILES | MEMORY | PROCESSES | SIGNALS_AND_TIME | WAITING_AND_LOCAL_SOCKETS | MACHINE
# Decided by an argument, below: socket socketpair clone clone3 ioctl personality.
# Left out on purpose: ptrace, process_vm_*, pidfd_getfd, kcmp; keyrings; bpf, perf_event_open, userfaultfd, io_uring; mounting, chroot,
# namespaces; module, kexec, reboot, swap, quota; open_by_handle_at; mknod; set*id, capset; memfd, System V IPC, message queues.

AF_UNIX = 1
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
NEW_NAMESPACES = 0x10000000 | 0x20000 | 0x20000000 | 0x40000000 | 0x8000000 | 0x4000000 | 0x2000000 | 0x80
PERSONALITY_QUERY = 0xFFFFFFFF
X32_BIT = 0x40000000

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ABOVE, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06
NUMBER_OFFSET, ARCH_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16
LONGEST_PROGRAM = 4096


@dataclass(frozen=True, slots=True)
class Instruction:
    """One classic-BPF instruction; jumps count the instructions to skip."""

    code: int
    when_true: int
    when_false: int
    value: int

    def packed(self) -> bytes:
        return struct.pack("<HBBI", self.code, self.when_true, self.when_false, self.value)


@dataclass(frozen=True, slots=True)
class Abi:
    """One machine's call numbers. ``arch`` is the audit constant the kernel hands to the filter."""

    arch: int
    numbers: dict[str, int]
    has_x32: bool


ABIS = {
    "x86_64": Abi(tables.AUDIT_ARCH_X86_64, tables.X86_64_SYSCALLS, has_x32=True),
    "aarch64": Abi(tables.AUDIT_ARCH_AARCH64, tables.AARCH64_SYSCALLS, has_x32=False),
}


def supported(machine: str | None = None) -> bool:
    return (machine or platform.machine()) in ABIS


def seccomp_program(machine: str | None = None) -> bytes:
    """The filter for ``machine`` (default: this one), as ``bwrap --seccomp`` takes it. Raises KeyError for an unknown machine."""
    program = assemble(ABIS[machine or platform.machine()])
    if len(program) > LONGEST_PROGRAM:
        raise ValueError("the filter is longer than the kernel accepts")
    return b"".join(instruction.packed() for instruction in program)


def assemble(abi: Abi) -> list[Instruction]:
    """Right ABI, then the calls decided by an argument, then the allowed ranges, then denial."""
    numbers = abi.numbers
    program = [_load(ARCH_OFFSET), _skip_if(JUMP_EQUAL, abi.arch, 1), _answer(KILL_PROCESS), _load(NUMBER_OFFSET)]
    if abi.has_x32:
        program += [_skip_unless(JUMP_AT_LEAST, X32_BIT, 1), _answer(KILL_PROCESS)]
    for name, block in _by_argument():
        if name in numbers:
            program += [_skip_unless(JUMP_EQUAL, numbers[name], len(block)), *block]
    for first, last in _ranges(numbers[name] for name in ALLOWED if name in numbers):
        program += [_skip_unless(JUMP_AT_LEAST, first, 2), _skip_if(JUMP_ABOVE, last, 1), _answer(ALLOW)]
    return [*program, _skip_unless(JUMP_ABOVE, max(numbers.values()), 1), _deny(errno.ENOSYS), _deny(errno.EPERM)]


def _by_argument() -> list[tuple[str, list[Instruction]]]:
    unix_only = [_load(_argument(0)), _skip_unless(JUMP_EQUAL, AF_UNIX, 1), _answer(ALLOW), _deny(errno.EAFNOSUPPORT)]
    no_namespaces = [_load(_argument(0)), _skip_unless(JUMP_BITS, NEW_NAMESPACES, 1), _deny(errno.EPERM), _answer(ALLOW)]
    no_typing = [
        _load(_argument(1)),
        _skip_if(JUMP_EQUAL, TIOCSTI, 1),
        _skip_unless(JUMP_EQUAL, TIOCLINUX, 1),
        _deny(errno.EPERM),
        _answer(ALLOW),
    ]
    plain_personality = [
        _load(_argument(0)),
        _skip_if(JUMP_EQUAL, 0, 1),
        _skip_unless(JUMP_EQUAL, PERSONALITY_QUERY, 1),
        _answer(ALLOW),
        _deny(errno.EPERM),
    ]
    return [
        ("socket", unix_only),
        ("socketpair", unix_only),
        ("clone", no_namespaces),
        # Its flags lie behind a pointer, which a filter cannot follow: libc falls back to clone.
        ("clone3", [_deny(errno.ENOSYS)]),
        ("ioctl", no_typing),
        ("personality", plain_personality),
    ]


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Merge call numbers into inclusive ranges: a short program is a cheap one."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _argument(position: int) -> int:
    return ARGUMENTS_OFFSET + 8 * position  # the low 32 bits: both machines are little-endian


def _load(offset: int) -> Instruction:
    return Instruction(LOAD, 0, 0, offset)


def _skip_if(test: int, value: int, count: int) -> Instruction:
    return Instruction(test, count, 0, value)


def _skip_unless(test: int, value: int, count: int) -> Instruction:
    return Instruction(test, 0, count, value)


def _answer(action: int) -> Instruction:
    return Instruction(RETURN, 0, 0, action)


def _deny(number: int) -> Instruction:
    return Instruction(RETURN, 0, 0, ERRNO | number)
