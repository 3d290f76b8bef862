"""Jobs in real jails: how each ending is told, what a missing layer does, what a dead worker leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import JailUnavailable
from sandbox.jail import isolation, jailer, slots
from sandbox.jail.jailer import start_jail
from sandbox.jail.preflight import examine_machine, preflight
from sandbox.jail.processes import wait_readable
from sandbox.jail.spec import MIB, Bind, JailResult, JailSpec, Limits, script_program

LIMITS = Limits(cpu_seconds=20, wall_seconds=30.0, memory_bytes=128 * MIB, tmp_bytes=8 * MIB, out_bytes=8 * MIB, processes=16)
ROOT = Path(__file__).resolve().parents[3]


def run(code: str, folder: Path, environment: Path, *outputs: str, limits: Limits = LIMITS) -> JailResult:
    script = folder / "main.py"
    script.write_text(textwrap.dedent(code))
    script.chmod(0o444)
    spec = JailSpec(script_program("main.py"), environment, code=(Bind(script, "main.py"),), outputs=outputs, limits=limits)
    return start_jail(spec, folder / "collected")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("open('/out/r.txt', 'w').write('x')", "succeeded"),
        ("open('/out/r.txt', 'w').write('x'); raise ValueError('ModuleNotFoundError')", "script_error"),
        ("import os; os.kill(os.getpid(), 11)", "script_error"),
        ("x = b'x' * (400 << 20)", "out_of_memory"),
        ("open('/tmp/x', 'wb').write(bytes(20 << 20))", "out_of_disk"),
        ("import os; os.symlink('/etc/passwd', '/out/r.txt')", "policy"),
        ("pass", "missing_output"),
        ("import torch_that_nobody_installed", "dependency"),
    ],
)
def test_a_job_ends_with_one_of_eight_outcomes(code: str, outcome: str, tmp_path: Path, job_environment: Path) -> None:
    result = run(code, tmp_path, job_environment, "r.txt")

    assert result.outcome == outcome
    assert sorted(result.outputs) == (["r.txt"] if outcome == "succeeded" else [])


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("import time; time.sleep(60)", Limits(wall_seconds=1.0)),
        ("while True: pass", Limits(cpu_seconds=1)),
    ],
)
def test_a_job_past_its_time_is_ended(code: str, limits: Limits, tmp_path: Path, job_environment: Path) -> None:
    assert run(code, tmp_path, job_environment, limits=limits).outcome == "out_of_time"


def test_the_environment_is_the_lock_files_alone(tmp_path: Path, job_environment: Path) -> None:
    code = """
        import importlib.util, os, sys
        assert importlib.util.find_spec("lightgbm") and importlib.util.find_spec("polars")
        assert not importlib.util.find_spec("sqlalchemy") and not importlib.util.find_spec("pip")
        print(sorted(os.environ), os.getcwd(), os.getuid())
    """

    result = run(code, tmp_path, job_environment)

    assert result.outcome == "succeeded", result.log
    assert b"/tmp 65534" in result.log
    assert b"PYTHONPATH" not in result.log


def test_the_log_keeps_its_head(tmp_path: Path, job_environment: Path) -> None:
    result = run("print('start'); print('x' * 5_000_000)", tmp_path, job_environment, limits=Limits(log_bytes=1000))

    assert (result.outcome, len(result.log), result.log[:6]) == ("succeeded", 1000, b"start\n")
    assert "start" not in repr(result)


def drop(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(isolation, "ISOLATION", [one for one in isolation.ISOLATION if one not in arguments])


WEAKENED = {
    "network": (lambda patch: drop(patch, "--unshare-net"), "network namespace"),
    "control group": (lambda patch: drop(patch, "--unshare-cgroup"), "cgroup namespace"),
    "system calls": (lambda patch: patch.setattr(jailer, "seccomp_program", lambda: bytes.fromhex("060000000000ff7f")), "ptrace denied"),
    "read-only inputs": (lambda patch: patch.setattr(isolation, "SEALED", ()), "read-only root"),
    "size of /out": (
        lambda patch: patch.setattr(isolation, "_tmpfs", lambda place, size, mode: ["--perms", mode, "--tmpfs", place]),
        "bounded tmpfs",
    ),
}


@pytest.mark.parametrize("layer", list(WEAKENED))
def test_a_jail_that_lacks_a_layer_runs_nothing(layer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job_environment: Path) -> None:
    weaken, missing = WEAKENED[layer]
    weaken(monkeypatch)

    with pytest.raises(JailUnavailable) as refused:
        run("open('/out/ran', 'w')", tmp_path, job_environment, "ran")

    assert refused.value.code == "jail.layer_missing"
    assert missing in str(refused.value.params["layers"])
    assert not (tmp_path / "collected").exists()


def test_a_jail_without_a_memory_group_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job_environment: Path) -> None:
    def refuse(token: str) -> None:
        raise JailUnavailable("jail.no_memory_group", reason="none")

    monkeypatch.setattr(jailer, "plan_group", refuse)

    with pytest.raises(JailUnavailable):
        run("pass", tmp_path, job_environment)


def test_jails_at_the_same_time_have_different_uids(tmp_path: Path, job_environment: Path) -> None:
    uids: list[int] = []
    both = threading.Barrier(2, timeout=30)

    def job(folder: Path) -> None:
        folder.mkdir()
        spec = JailSpec(("-c", "import time; time.sleep(0.5)"), job_environment, limits=LIMITS)

        def note(pid: int) -> None:
            uids.append(Path(f"/proc/{pid}").stat().st_uid)
            both.wait()

        start_jail(spec, folder, on_started=note)

    threads = [threading.Thread(target=job, args=(tmp_path / str(number),)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 0 not in uids
    assert len(set(uids)) == (2 if os.geteuid() == 0 else 1)


@pytest.fixture
def own_runtime() -> Iterator[Path]:
    """A runtime folder that a job's uid can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="glovebox-runtime-", dir="/dev/shm"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_a_killed_worker_takes_its_jail_along_and_its_groups_are_swept(own_runtime: Path, tmp_path: Path, job_environment: Path) -> None:
    worker_code = f"""
        from pathlib import Path
        from sandbox.jail.jailer import start_jail
        from sandbox.jail.spec import JailSpec
        spec = JailSpec(("-c", "import time; time.sleep(120)"), Path({str(job_environment)!r}))
        start_jail(spec, Path({str(tmp_path)!r}), on_started=lambda pid: print(pid, flush=True))
    """
    runtime = own_runtime
    environment = {**os.environ, "PYTHONPATH": str(ROOT), slots.RUNTIME_VARIABLE: str(runtime)}
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(worker_code)], stdout=subprocess.PIPE, env=environment)
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    watched = os.pidfd_open(pid)
    groups = [path for path in recorded_groups(runtime) if path.exists()]

    worker.kill()
    worker.communicate()
    ended = jailer_wait(watched)

    assert ended
    assert groups
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(slots.RUNTIME_VARIABLE, str(runtime))
        assert slots.sweep_stale() == 1
        assert slots.sweep_stale() == 0
    assert not any(path.exists() for path in groups)


def recorded_groups(runtime: Path) -> list[Path]:
    return [Path(text) for record in (runtime / "slots").iterdir() if record.stat().st_size for text in json.loads(record.read_text())]


def jailer_wait(watched: int) -> bool:
    try:
        return bool(wait_readable([watched], 10.0))
    finally:
        os.close(watched)


def test_a_jail_killed_from_outside_is_told_and_leaves_nothing(tmp_path: Path, job_environment: Path) -> None:
    def kill_soon(pid: int) -> None:
        threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()

    spec = JailSpec(("-c", "import time; time.sleep(60)"), job_environment, limits=LIMITS)
    before = time.monotonic()

    result = start_jail(spec, tmp_path / "out", on_started=kill_soon)

    assert result.outcome == "script_error"
    assert time.monotonic() - before < LIMITS.wall_seconds


def test_this_machine_holds_a_jail(job_environment: Path) -> None:
    assert "seccomp" in preflight(job_environment).layers
    findings = {finding.name: finding.ok for finding in examine_machine()}
    assert all(ok for name, ok in findings.items() if name != "unprivileged"), findings
    assert findings["unprivileged"] is (os.geteuid() != 0)


def test_an_environment_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(JailUnavailable) as refused:
        run("pass", tmp_path, tmp_path / "absent")
    assert refused.value.code == "environment.missing"
