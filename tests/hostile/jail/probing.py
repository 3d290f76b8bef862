"""The table of escape probes and the two ways to run one: in the product's jail, and unjailed at an unprivileged uid.

Needs nothing of pytest, so that any process (a scheduler's worker, say) can load this file by path and run the same table.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.jail.jailer import start_jail
from sandbox.jail.slots import FIRST_UID, SLOTS, runtime_dir
from sandbox.jail.spec import MIB, Bind, JailSpec, Limits, script_program
from sandbox.jail.syscalls import ABIS

HERE = Path(__file__).resolve().parent
# Not a slot's uid: a control must never meet a jail that runs at the same time.
CONTROL_UID = FIRST_UID + SLOTS
INSIDE = {
    "in": "/in",
    "code": "/code",
    "env": "/env",
    "out": "/out",
    "tmp": "/tmp",
    "memory": "/dev/shm",
    "root": "/",
    "etc": "/etc",
    "dev": "/dev",
}
CONTROL_SECONDS = 30
POLITE_SECONDS = 1.0
MARK = "PROBE_MARK"


@dataclass(frozen=True, slots=True)
class Probe:
    """One attack. ``ends`` are the outcomes that show it stopped; without them it is judged by its own verdict."""

    name: str
    group: str
    code: str
    control: str = "plain"  # plain | none | ignores_ending | survives
    setup: str = ""
    ends: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    reason: str = ""
    wall: float = 30.0
    cpu: int = 20

    @property
    def counted(self) -> bool:
        return self.control != "none"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run of a probe showed. ``reached`` is True when the attack got what it was after; ``how`` says by what."""

    reached: bool
    how: str
    outcome: str = ""
    rejected: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    log_bytes: int = 0


def load_probes() -> list[Probe]:
    """Every probe of the table, in the order of its files."""
    found = []
    for path in sorted((HERE / "probes").glob("*.yaml")):
        for name, row in yaml.safe_load(path.read_text("utf-8")).items():
            lists = {key: tuple(row[key]) for key in ("ends", "declared") if key in row}
            found.append(Probe(name=name, group=path.stem, **{**row, **lists}))
    return found


def run_probe_in_jail(probe: Probe, environment: Path, planted: Mapping[str, Any]) -> Observed:
    """Run ``probe`` by ``start_jail`` among what ``planted`` describes (see planting.py)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own_verdict = not probe.ends
        declared = ("verdict.json",) if own_verdict else probe.declared
        binds = _files(folder, probe, {**planted, **INSIDE})
        program = script_program("harness.py", "/code/probe.py", "/in/place.json", "/out/verdict.json" if own_verdict else "-", "")
        limits = Limits(
            cpu_seconds=probe.cpu,
            wall_seconds=probe.wall,
            memory_bytes=128 * MIB,
            processes=32,
            tmp_bytes=16 * MIB,
            out_bytes=16 * MIB,
        )
        spec = JailSpec(
            program, environment, inputs=binds["in"], code=binds["code"], outputs=declared, limits=limits, variables={MARK: planted["mark"]}
        )
        result = start_jail(spec, folder / "collected")
        reasons = tuple(found.reason for found in result.rejected)
        if own_verdict:
            verdict = _verdict(result.outputs.get("verdict.json"), result.log)
        else:
            stopped = result.outcome in probe.ends and (not probe.reason or probe.reason in reasons)
            verdict = {"reached": not stopped or _survivors(planted["mark"]) != [], "how": f"{result.outcome} {' '.join(reasons)}"}
        return Observed(verdict["reached"], verdict["how"], str(result.outcome), reasons, tuple(result.outputs), len(result.log))


def run_control(probe: Probe, planted: Mapping[str, Any]) -> Observed:
    """Run ``probe`` with no jail at an unprivileged uid: it must reach its aim, or it proves nothing."""
    with tempfile.TemporaryDirectory(dir=planted["folder"]) as name:
        folder = Path(name)
        places = _own_places(folder)
        _files(folder, probe, {**planted, **places})
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
            os.chown(path, *_control_owner())
        verdict = folder / "verdict.json"
        command = [
            *_as_control(),
            str(HERE / "harness.py"),
            str(folder / "probe.py"),
            str(folder / "place.json"),
            str(verdict),
            probe.setup,
        ]
        try:
            return _watch_control(probe, planted, command, verdict)
        finally:
            _kill(planted["mark"])
            shutil.rmtree(places["memory"], ignore_errors=True)


def _watch_control(probe: Probe, planted: Mapping[str, Any], command: list[str], verdict: Path) -> Observed:
    keep = (planted["descriptor"],)
    environment = {**os.environ, MARK: planted["mark"]}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=keep, start_new_session=True, env=environment
    ) as running:
        assert running.stdout is not None
        if probe.control == "ignores_ending":
            line = running.stdout.readline()
            os.killpg(running.pid, signal.SIGTERM)
            time.sleep(POLITE_SECONDS)
            alive = running.poll() is None
            os.killpg(running.pid, signal.SIGKILL)
            _kill(planted["mark"])
            return Observed(alive and line == b"started\n", "alive after SIGTERM" if alive else "ended by SIGTERM")
        said = running.communicate(timeout=CONTROL_SECONDS)[0]
    if probe.control == "survives":
        survivors = _survivors(planted["mark"])
        return Observed(bool(survivors), f"{len(survivors)} survive", log_bytes=len(said))
    found = _verdict(verdict, said)
    return Observed(found["reached"], found["how"], log_bytes=len(said))


def _files(folder: Path, probe: Probe, place: Mapping[str, Any]) -> dict[str, tuple[Bind, ...]]:
    (folder / "probe.py").write_text(probe.code)
    (folder / "place.json").write_text(json.dumps({**place, "numbers": ABIS[os.uname().machine].numbers}))
    (folder / "data.txt").write_text("data")
    for name in ("probe.py", "place.json", "data.txt"):
        (folder / name).chmod(0o444)
    inputs = tuple(Bind(folder / name, name) for name in ("place.json", "data.txt"))
    return {"in": inputs, "code": (Bind(HERE / "harness.py", "harness.py"), Bind(folder / "probe.py", "probe.py"))}


def _own_places(folder: Path) -> dict[str, str]:
    """Folders of the control's own, in the place of those the jail has."""
    places = {name: folder / name for name in INSIDE if name != "memory"}
    places["memory"] = Path(tempfile.mkdtemp(prefix="glovebox-control-", dir="/dev/shm"))
    for path in places.values():
        path.mkdir(exist_ok=True)
    (places["env"] / "lib").mkdir()
    (places["in"] / "data.txt").write_text("data")
    places["memory"].chmod(0o777)
    return {name: str(path) for name, path in places.items()}


def _control_owner() -> tuple[int, int]:
    return (CONTROL_UID, CONTROL_UID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _as_control() -> list[str]:
    """The base interpreter at the control's uid; bound where that uid can reach it when it lies under a closed home."""
    interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if os.geteuid() != 0:
        return [str(interpreter), "-I", "-S", "-B"]
    stage = runtime_dir() / "control"
    stage.mkdir(exist_ok=True)
    harness = runtime_dir() / "harness"
    harness.mkdir(exist_ok=True)
    drop = f"setpriv --reuid={CONTROL_UID} --regid={CONTROL_UID} --clear-groups {stage}/bin/{interpreter.name}"
    script = (
        f"mount --bind {interpreter.parents[1]} {stage}; mount --bind {HERE} {harness}; "
        f"export PYTHONHOME={stage} LD_LIBRARY_PATH={stage}/lib; shift; exec {drop} -S -B {harness}/harness.py "
        '"$@"'
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "control"]


def _verdict(path: Path | None, said: bytes) -> dict[str, Any]:
    if path is None or not path.exists():
        raise AssertionError(f"the probe is broken: {said[-2000:].decode('utf-8', 'replace')}")
    return dict(json.loads(path.read_bytes()))


def _kill(mark: str) -> None:
    for pid in _survivors(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _survivors(mark: str) -> list[int]:
    """Pids on this machine whose environment carries ``mark``, wherever they hid: every run of a probe is given it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found
