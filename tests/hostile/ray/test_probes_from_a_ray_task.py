"""The escape probes once more, each started by a real Ray task as jobs are: in the product's jail, and unjailed as a control.

What the probes look for is the real Ray's where an unprivileged control can reach it once its folder is opened: sockets, ports, session,
variables. Probes without a working control are listed apart: they are stopped, but not counted.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.composition import initialise_home
from jobs.ray_runner import RayRunner

HERE = Path(__file__).resolve().parent
# Names in the common table (tests/hostile/jail/probes), by subject.
COMMON = {
    "network, and the real Ray behind it": [
        "tcp_host_loopback",
        "tcp_ipv6_loopback",
        "udp_host",
        "unix_path",
        "unix_abstract",
        "family_inet",
        "family_inet6",
        "family_vsock",
        "family_netlink",
        "ray_raylet_socket",
        "ray_plasma_socket",
        "ray_gcs_port",
        "ray_session_folder",
        "ray_plasma_memory",
        "ray_environment",
    ],
    "files": [
        "service_database",
        "key_file",
        "other_jobs_folder",
        "shared_memory_left_over",
        "users_home",
        "control_groups",
        "environment_variable",
        "write_root",
    ],
    "processes": [
        "first_process_environment",
        "inherited_descriptors",
        "host_processes_visible",
        "host_process_environment",
        "host_process_signal",
        "host_process_memory",
        "ptrace_seize",
        "process_vm_readv",
        "sysctl_write",
        "set_uid_programs",
    ],
    "calls": [
        "keyctl",
        "io_uring",
        "userfaultfd",
        "unshare_user",
        "clone_user_namespace",
        "setns",
        "mount",
        "memfd",
        "shared_memory_sysv",
        "terminal_injection",
    ],
    "bombs and outputs": [
        "memory_shared_anonymous",
        "forks",
        "fill_tmp",
        "ignores_termination",
        "daemon",
        "symlink",
        "hard_link",
        "fifo",
        "undeclared",
    ],
}
OWN = yaml.safe_load((HERE / "probes.yaml").read_text("utf-8"))
NAMES = [*(name for names in COMMON.values() for name in names), *OWN]


@pytest.fixture(scope="module")
def seen(tmp_path_factory, jail_environment):
    """Every probe's two observations, from one Ray."""
    home, results = tmp_path_factory.mktemp("ray") / "home", tmp_path_factory.mktemp("seen") / "results.json"
    initialise_home(home)
    runner = RayRunner(home)
    command = [sys.executable, str(HERE / "inside_ray.py"), str(home), str(runner.temp_dir), str(jail_environment), json.dumps(NAMES)]
    ran = subprocess.run([*command, str(results)], env=runner.environment(), start_new_session=True, timeout=280, check=False)
    shutil.rmtree(runner.temp_dir.parent, ignore_errors=True)
    assert results.exists(), ran.returncode
    return json.loads(results.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_jail_stops_what_a_ray_task_starts(seen, name):
    assert "broken" not in seen[name], seen[name]
    jailed = seen[name]["jailed"]
    assert not jailed["reached"], jailed["how"]
    if jailed["outcome"] != "succeeded":
        assert jailed["outputs"] == []


@pytest.mark.parametrize("name", [name for name in NAMES if OWN.get(name, {}).get("control") != "none"])
def test_the_control_without_a_jail_succeeds(seen, name):
    assert seen[name]["control"]["reached"], seen[name]["control"]["how"]


def test_thirty_probes_have_a_working_control(seen):
    assert sum(1 for one in seen.values() if one.get("control") and one["control"]["reached"]) >= 30
