"""What of the host does a jail show, and how is bubblewrap called?"""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import JailUnavailable
from sandbox.jail import isolation
from sandbox.jail.slots import Slot
from sandbox.jail.spec import Bind, JailSpec

FILES = {name: number for number, name in enumerate(("passwd", "group", "nsswitch", "seccomp", "info", "block"), start=10)}


@pytest.fixture
def spec(job_environment: Path, tmp_path: Path) -> JailSpec:
    (tmp_path / "rows.arrow").write_text("")
    (tmp_path / "rows.arrow").chmod(0o444)
    return JailSpec(("-c", ""), job_environment, inputs=(Bind(tmp_path / "rows.arrow", "rows.arrow"),))


def test_every_namespace_is_named(spec: JailSpec) -> None:
    arguments = isolation.jail_arguments(spec, isolation.Stage(None), FILES)

    for name in ("user", "pid", "net", "ipc", "uts", "cgroup"):
        assert f"--unshare-{name}" in arguments
    assert {"--disable-userns", "--assert-userns-disabled", "--new-session", "--clearenv", "--die-with-parent"} <= set(arguments)
    assert not {"--unshare-all", "--share-net", "--bind", "--dev-bind"} & set(arguments)


def test_every_memory_folder_has_a_size_and_the_rest_is_read_only(spec: JailSpec) -> None:
    arguments = isolation.jail_arguments(spec, isolation.Stage(None), FILES)

    for at, argument in enumerate(arguments):
        if argument == "--tmpfs":
            assert arguments[at - 4] == "--size"
    writable = {arguments[at + 1] for at, argument in enumerate(arguments) if argument == "--tmpfs"}
    sealed = {arguments[at + 1] for at, argument in enumerate(arguments) if argument == "--remount-ro"}
    assert writable - sealed == {"/dev/shm", "/tmp", "/out"}
    assert {"/", "/dev"} <= sealed


def test_only_the_interpreter_libraries_and_inputs_are_shown(spec: JailSpec) -> None:
    arguments = isolation.jail_arguments(spec, isolation.Stage(None), FILES)

    places = [arguments[at + 2] for at, argument in enumerate(arguments) if argument == "--ro-bind"]
    python = {place for place in places if "/bin/python" in place or "/lib/libpython" in place or "/lib/python3" in place}
    libraries = {place for place in places if place.startswith("/usr/lib")} - python
    assert set(places) - python - libraries == {"/proc/sys", "/env", "/jail", "/in/rows.arrow"}


def test_root_stages_sources_and_drops_to_the_slots_uid(spec: JailSpec, tmp_path: Path) -> None:
    stage = isolation.Stage(Path("/stage"))
    arguments = isolation.jail_arguments(spec, stage, FILES)
    sources = [arguments[at + 1] for at, argument in enumerate(arguments) if argument == "--ro-bind"]

    command = isolation.start_command(["--args", "9"], stage, Slot(64007, True, 3), [Path("/cg/job")])

    assert all(source.startswith("/stage/") for source in sources if source != "/proc/sys")
    script = command[command.index("-c") + 1]
    assert "--reuid=64007 --regid=64007 --clear-groups" in script
    assert "--no-new-privs" in script
    assert script.index("/cg/job/cgroup.procs") < script.index("setpriv")
    assert str(tmp_path) not in " ".join(command[command.index("jail") :])


def test_an_ordinary_user_starts_bubblewrap_without_a_stage(spec: JailSpec) -> None:
    stage = isolation.Stage(None)
    isolation.jail_arguments(spec, stage, FILES)

    command = isolation.start_command(["--args", "9"], stage, Slot(1000, False, 3), [Path("/cg/job")])

    assert stage.sources == []
    assert "setpriv" not in " ".join(command)
    assert command[-2:] == ["--args", "9"]


def test_a_file_the_jobs_uid_cannot_read_is_refused(spec: JailSpec, tmp_path: Path) -> None:
    (tmp_path / "rows.arrow").chmod(0o400)

    with pytest.raises(JailUnavailable) as refused:
        isolation.jail_arguments(spec, isolation.Stage(Path("/stage")), FILES)
    assert refused.value.code == "jail.bind_unreadable"


@pytest.mark.parametrize(
    ("mode", "code"),
    [(0o4755, "jail.bwrap_setuid"), (0o2755, "jail.bwrap_setuid"), (0o777, "jail.bwrap_writable"), (0o755, "jail.bwrap_too_old")],
)
def test_a_doubtful_bubblewrap_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int, code: str) -> None:
    binary = tmp_path / "a" / "b" / "bwrap"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\necho bubblewrap 0.7.2\n")
    binary.chmod(mode)
    monkeypatch.setattr(isolation, "BWRAP_CANDIDATES", (str(binary),))

    with pytest.raises(JailUnavailable) as refused:
        isolation.find_bwrap.__wrapped__()
    assert refused.value.code == code
