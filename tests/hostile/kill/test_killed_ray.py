"""Kill -9 of a Ray worker, the raylet, the GCS, and of the supervisor with a Ray beneath it. One Ray lives through most of this file."""

import os

import pytest

from jobs.ray_runner import RayRunner
from jobs.worker_environment import HANDED_ON

ACTIVE = ("preparing", "running", "collecting")
ADDED = ("GLOVEBOX_HOME", "PYTHONPATH", "PWD", "SHLVL", "_", "LD_LIBRARY_PATH", "LD_PRELOAD", "OMP_NUM_THREADS", "LC_CTYPE", "SPT_NOENV")
WORKER = "ray::_Worker"  # the kernel keeps 15 characters of a name


@pytest.fixture(scope="module")
def supervisor(world, dispatches, wait_for):
    started = dispatches("ray")
    wait_for(lambda: len(workers(started)) == world.platform.settings.memory_slots, 120)
    return started


def workers(supervisor):
    return [pid for pid, (_, command, _) in supervisor.descendants().items() if command.startswith(WORKER)]


def rays(supervisor):
    """Everything of Ray's below the supervisor, its driver included."""
    return set(supervisor.descendants())


def busy(supervisor):
    """Workers that execute an attempt: Ray writes the method's name into the process's title."""
    found = []
    for pid in workers(supervisor):
        with open(f"/proc/{pid}/cmdline") as file:
            if "execute" in file.read():
                found.append(pid)
    return found


def check_resumed(world, job, *, may_have_ended=False):
    """``may_have_ended``: a worker that only waits for the database may still record its end before it dies; that attempt then counts."""
    ended = world.finish(job)
    assert ended.status == "succeeded", ended.why
    assert ended.attempt == 2 or (may_have_ended and ended.attempt == 1)
    assert [a.attempt for a in world.artefacts(job)] == [ended.attempt] * 2
    assert world.model_hash(job) == world.undisturbed


@pytest.mark.parametrize("state", ACTIVE)
def test_a_killed_ray_worker_costs_one_attempt(world, supervisor, frozen, kill, leaves_nothing, state):
    job = world.train()
    with frozen({job: state}):
        victims = busy(supervisor)
        assert len(victims) == 1
        below = [*victims, *supervisor.jailed()]
        groups = supervisor.control_groups()
        kill(*victims)
    check_resumed(world, job)
    leaves_nothing(below, groups)


def test_rays_folder_holds_no_secret_and_its_processes_know_none(world, supervisor):
    """What Ray wrote so far, and what each of its processes was started with: neither Ray's token, nor a key, nor anything of our shell."""
    home, folder = world.home, RayRunner(world.home).temp_dir
    secrets = [line for path in (home / "keys").iterdir() for line in path.read_bytes().split(b"\n") if len(line) >= 20]
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(secrets) > 5
    assert len(written) > 10
    assert not any(secret in text for secret in secrets for text in written)
    for pid in rays(supervisor):
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
        names = {entry.split(b"=")[0].decode() for entry in environment.split(b"\0") if entry}
        assert not any(secret in environment for secret in secrets)
        assert {name for name in names if not name.startswith("RAY_")} <= {*HANDED_ON, *ADDED}, pid


def test_ray_can_be_reached_from_nowhere_but_this_machine(supervisor):
    """Its processes see a loopback interface and no other."""
    if os.geteuid() != 0:
        return  # a network of one's own takes privilege; what Ray then listens on is in docs/threat-model.md
    for pid in rays(supervisor):
        with open(f"/proc/{pid}/net/dev") as file:
            assert [line.split(":")[0].strip() for line in file.readlines()[2:]] == ["lo"]


@pytest.mark.parametrize(("victim", "state"), [*(("raylet", state) for state in ACTIVE), ("gcs_server", "running"), ("driver", "running")])
def test_a_ray_that_dies_is_started_again_and_its_jobs_resume(world, supervisor, frozen, kill, leaves_nothing, wait_for, victim, state):
    wait_for(lambda: len(workers(supervisor)) == world.platform.settings.memory_slots)
    job = world.train()
    with frozen({job: state}):
        below, groups = rays(supervisor), supervisor.control_groups()
        kill(*(supervisor.children() if victim == "driver" else supervisor.named(victim)))
    check_resumed(world, job, may_have_ended=state == "collecting")
    assert supervisor.process.poll() is None
    leaves_nothing(below, groups)


def test_nothing_of_ray_outlives_a_killed_supervisor(world, supervisor, dispatches, frozen, leaves_nothing):
    job = world.train()
    with frozen({job: "running"}, also=supervisor.jailed):
        below, groups = rays(supervisor), supervisor.control_groups()
        assert len(below) > 6
        supervisor.kill()
    dispatches("local")
    check_resumed(world, job)
    leaves_nothing(below, groups)
