"""Where does a job's control group lie, and what is written into it, under cgroup v1 and v2?"""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import JailUnavailable
from sandbox.jail.cgroups import Place, find_place, read_mounts, read_own_groups
from sandbox.jail.limits import Group, plan_group, rlimits
from sandbox.jail.spec import Limits

LIMITS = Limits(cpus=2, cpu_seconds=10, memory_bytes=1 << 28, processes=10, tmp_bytes=1 << 20, out_bytes=1 << 21)


def mount_line(root: str, point: Path, kind: str, options: str) -> str:
    return f"30 25 0:26 {root} {point} rw,relatime - {kind} cgroup {options}"


def tree_v1(tmp_path: Path, own: str) -> tuple[str, str]:
    names = ("memory", "pids", "cpu,cpuacct")
    for name in names:
        (tmp_path / name / own.lstrip("/")).mkdir(parents=True)
    mounts = "\n".join(mount_line("/", tmp_path / name, "cgroup", f"rw,{name}") for name in names)
    return mounts, "\n".join(f"{n}:{name}:{own}" for n, name in enumerate(names))


def test_v1_puts_a_job_under_the_services_own_group(tmp_path: Path) -> None:
    place = find_place(*tree_v1(tmp_path, "/service"))

    group = plan_group("abc", place)

    assert {controller: str(path.relative_to(tmp_path)) for controller, path in group.folders.items()} == {
        "memory": "memory/service/glovebox-job-abc",
        "pids": "pids/service/glovebox-job-abc",
        "cpu": "cpu,cpuacct/service/glovebox-job-abc",
        "cpuacct": "cpu,cpuacct/service/glovebox-job-abc",
    }
    assert len(group.paths) == 3


def test_a_group_outside_what_a_container_shows_falls_back_to_the_mount(tmp_path: Path) -> None:
    mounts, _ = tree_v1(tmp_path, "/")

    place = find_place(mounts, "1:memory:/docker/x\n2:pids:/docker/x\n3:cpu,cpuacct:/docker/x")

    assert place.bases["memory"] == tmp_path / "memory"


def v2(tmp_path: Path, own: str, controllers: str) -> tuple[str, str]:
    folder = tmp_path / own.lstrip("/")
    folder.mkdir(parents=True)
    for name in ("cgroup.type", "cgroup.procs", "cgroup.subtree_control"):
        (folder / name).write_text("")
        (folder.parent / name).write_text("")
    (folder / "cgroup.controllers").write_text(controllers)
    (folder.parent / "cgroup.controllers").write_text(controllers)
    return mount_line("/", tmp_path, "cgroup2", "rw"), f"0::{own}"


def test_v2_moves_the_service_into_a_leaf_and_hands_controllers_down(tmp_path: Path) -> None:
    place = find_place(*v2(tmp_path, "/user/glovebox.scope", "cpu memory pids"))

    assert place == Place(2, dict.fromkeys(("memory", "pids", "cpu"), tmp_path / "user/glovebox.scope"))
    assert (tmp_path / "user/glovebox.scope/glovebox-service").is_dir()
    assert (tmp_path / "user/glovebox.scope/cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_v2_jobs_are_siblings_of_the_leaf(tmp_path: Path) -> None:
    place = find_place(*v2(tmp_path, "/user/glovebox-service", "cpu memory pids"))

    assert place.bases["memory"] == tmp_path / "user"


@pytest.mark.parametrize("controllers", ["", "cpu pids", "memory"])
def test_v2_without_a_delegated_controller_is_refused(tmp_path: Path, controllers: str) -> None:
    with pytest.raises(JailUnavailable) as refused:
        find_place(*v2(tmp_path, "/user/x", controllers))
    assert refused.value.code == "jail.no_memory_group"


def test_a_machine_without_control_groups_is_refused() -> None:
    with pytest.raises(JailUnavailable) as refused:
        find_place("30 25 0:26 / /sys rw - sysfs sysfs rw", "")
    assert refused.value.code == "jail.no_memory_group"


def test_v1_settings(tmp_path: Path) -> None:
    group = Group(1, {name: tmp_path / name for name in ("memory", "pids", "cpu", "cpuacct")})

    group.create(LIMITS)

    assert (tmp_path / "memory/memory.limit_in_bytes").read_text() == str(1 << 28)
    assert (tmp_path / "memory/memory.swappiness").read_text() == "0"
    assert (tmp_path / "pids/pids.max").read_text() == "14"
    assert (tmp_path / "cpu/cpu.cfs_quota_us").read_text() == "200000"


def test_v2_settings_and_figures(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    group = Group(2, dict.fromkeys(("memory", "pids", "cpu"), folder))

    group.create(LIMITS)
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")

    assert (folder / "memory.max").read_text() == str(1 << 28)
    assert (folder / "memory.oom.group").read_text() == "1"
    assert (folder / "cpu.max").read_text() == "200000 100000"
    assert (group.cpu_seconds(), group.oom_killed(), group.peak_bytes()) == (2.5, True, None)


def test_a_group_that_cannot_be_made_is_a_refusal(tmp_path: Path) -> None:
    group = Group(2, dict.fromkeys(("memory", "pids", "cpu"), tmp_path / "absent" / "job"))

    with pytest.raises(JailUnavailable) as refused:
        group.create(LIMITS)
    assert refused.value.code == "jail.no_memory_group"


def test_rlimits_bound_each_process() -> None:
    assert rlimits(LIMITS) == {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": 10,
        "RLIMIT_FSIZE": 1 << 21,
        "RLIMIT_MEMLOCK": 65536,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NOFILE": 1024,
        "RLIMIT_NPROC": 10,
    }


def test_cgroup_files_are_read() -> None:
    mounts = read_mounts("1 2 0:1 /x /sys/fs/cgroup/memory rw shared:1 - cgroup cgroup rw,memory\n3 4 0:2 / /u rw - cgroup2 none rw")

    assert [(str(mount.point), mount.root, set(mount.controllers)) for mount in mounts] == [
        ("/sys/fs/cgroup/memory", "/x", {"memory"}),
        ("/u", "/", set()),
    ]
    assert read_own_groups("9:name=systemd:/\n4:cpu,cpuacct:/a\n0::/b") == {"name=systemd": "/", "cpu": "/a", "cpuacct": "/a", "": "/b"}
