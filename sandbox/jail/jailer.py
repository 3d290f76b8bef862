"""``start_jail``: the one function that starts jails, and later the jailer helper's only verb.

Order: slot, control group, bubblewrap held at its block pipe, launcher's proof judged, then the job; afterwards every
process dead, outputs collected through a descriptor held since before the start. A missing layer raises JailUnavailable.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from catalog.errors import JailUnavailable
from catalog.outcomes import Outcome
from sandbox.jail import isolation
from sandbox.jail.collect import Collected, collect
from sandbox.jail.handshake import START_SECONDS, Folders, judge, receive_proof, release
from sandbox.jail.limits import Group, plan_group
from sandbox.jail.outcomes import Ending, outcome_of, outcome_with_outputs
from sandbox.jail.processes import Processes, await_inner, said, spawn
from sandbox.jail.runtime import INTERPRETER
from sandbox.jail.slots import Slot, hold_slot
from sandbox.jail.spec import JailResult, JailSpec
from sandbox.jail.syscalls import seccomp_program, supported
from sandbox.jail.watch import Log, watch


def start_jail(spec: JailSpec, collect_to: Path, *, on_started: Callable[[int], None] | None = None) -> JailResult:
    """Run ``spec`` in a jail of its own and wait for its end; declared outputs are copied into ``collect_to``.

    ``on_started`` gets the host pid of the jail's first process when the job is about to run. Blocks; start and wait happen
    in the calling thread, and the jail dies with it. Raises JailUnavailable when any layer is missing: never a weaker jail.
    """
    if not supported():
        raise JailUnavailable("jail.machine_unknown", machine=os.uname().machine)
    with hold_slot() as slot, _group(spec, slot) as group, _started(spec, slot, group) as (processes, channel):
        folders = _prove(spec, slot, group, processes, channel)
        try:
            return _run(spec, collect_to, group, processes, channel, folders, on_started)
        finally:
            folders.close()


@contextlib.contextmanager
def _group(spec: JailSpec, slot: Slot) -> Iterator[Group]:
    group = plan_group(secrets.token_hex(6))
    slot.record(group.paths)
    group.create(spec.limits)
    try:
        yield group
    finally:
        group.remove()


@contextlib.contextmanager
def _started(spec: JailSpec, slot: Slot, group: Group) -> Iterator[tuple[Processes, socket.socket]]:
    """bubblewrap past its set-up, its first process inside the group, the launcher waiting for its order."""
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        channel, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.enter_context(channel)
        theirs.enter_context(far_end)
        info, info_far = _pipe(ours, theirs)
        block_far, block = _pipe(theirs, ours)
        files = {"info": info_far, "block": block_far, **_data_files(theirs)}
        command, arguments_file = _command(spec, slot, group, files, far_end.fileno(), theirs)
        processes = spawn(command, [*files.values(), arguments_file, far_end.fileno()])
        ours.callback(processes.close)
        theirs.close()
        await_inner(processes, info, START_SECONDS)
        os.write(block, b"x")
        yield processes, channel


def _pipe(reader: contextlib.ExitStack, writer: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe()
    reader.callback(os.close, read)
    writer.callback(os.close, write)
    return read, write


def _data_files(stack: contextlib.ExitStack) -> dict[str, int]:
    contents = {
        "passwd": isolation.PASSWD,
        "group": isolation.GROUP,
        "nsswitch": isolation.NSSWITCH,
        "seccomp": seccomp_program(),
    }
    return {name: _memory_file(content, stack) for name, content in contents.items()}


def _memory_file(content: bytes, stack: contextlib.ExitStack) -> int:
    number = os.memfd_create("glovebox", os.MFD_CLOEXEC)
    stack.callback(os.close, number)
    os.write(number, content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _command(
    spec: JailSpec, slot: Slot, group: Group, files: dict[str, int], channel: int, stack: contextlib.ExitStack
) -> tuple[list[str], int]:
    """The host command. bubblewrap's options go through a file: its command line can be read inside and would name host paths."""
    stage = isolation.stage_for(slot)
    arguments = isolation.jail_arguments(spec, stage, files)
    arguments_file = _memory_file(b"".join(os.fsencode(argument) + b"\0" for argument in arguments), stack)
    program = [INTERPRETER, "-I", "-S", "-B", "/jail/preflight.py", str(channel)]
    return isolation.start_command(["--args", str(arguments_file), "--", *program], stage, slot, group.paths), arguments_file


def _prove(spec: JailSpec, slot: Slot, group: Group, processes: Processes, channel: socket.socket) -> Folders:
    try:
        proof, folders = receive_proof(channel, spec)
    except JailUnavailable as error:
        processes.kill()
        raise JailUnavailable("jail.start_failed", reason=said(processes)) from error
    try:
        judge(proof, folders, spec, slot.uid, group.members())
    except BaseException:
        folders.close()
        raise
    return folders


def _run(
    spec: JailSpec,
    collect_to: Path,
    group: Group,
    processes: Processes,
    channel: socket.socket,
    folders: Folders,
    on_started: Callable[[int], None] | None,
) -> JailResult:
    if on_started is not None:
        on_started(processes.inner_pid)
    assert processes.outer.stdout is not None
    log = Log(processes.outer.stdout.fileno(), spec.limits.log_bytes, bytearray())
    started = time.monotonic()
    release(channel)
    timed_out = watch(processes, group, log, spec.limits)
    exit_code = processes.finish()
    wall_seconds = time.monotonic() - started
    cpu_seconds, peak_bytes, oom_killed = group.cpu_seconds(), group.peak_bytes(), group.oom_killed()
    if not group.remove():
        raise JailUnavailable("jail.processes_survive")
    log.drain()
    ended = outcome_of(Ending(exit_code, oom_killed, timed_out, folders.any_full()))
    found = _collect(spec, ended, folders, collect_to)
    outcome = outcome_with_outputs(ended, forbidden_found=found.forbidden_found, missing=bool(found.missing))
    return JailResult(outcome, exit_code, wall_seconds, cpu_seconds, peak_bytes, bytes(log.head), found.outputs, found.rejected)


def _collect(spec: JailSpec, ended: Outcome, folders: Folders, collect_to: Path) -> Collected:
    """Nothing leaves a job that did not end well."""
    if ended is not Outcome.SUCCEEDED:
        return Collected({}, (), ())
    limits = spec.limits
    return collect(folders.out, spec.outputs, collect_to, most_files=limits.out_files, most_bytes=limits.out_bytes)
