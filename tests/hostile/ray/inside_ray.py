"""Runs as the product's Ray driver does (same start, same network, same environment), and has an actor run probes from inside a Ray task.

    python inside_ray.py HOME TEMP_DIR JAIL_ENVIRONMENT NAMES RESULTS

The modes of the session's folder and sockets are opened on purpose: what the service's permissions would stop, the jail alone must stop.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import yaml

from jobs.driver_process import children_of, kill_session, session_members
from jobs.loopback import enter_loopback_network
from jobs.ray_runner import _command, _sole_session, _start_ray

HERE = Path(__file__).resolve().parent
JAIL = HERE.parent / "jail"
LISTENING = "0A"  # state of a socket in /proc/net/tcp


def load(name):
    spec = importlib.util.spec_from_file_location(f"glovebox_hostile_{name}", JAIL / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def load_probes(probing):
    own = yaml.safe_load((HERE / "probes.yaml").read_text("utf-8"))
    return [*probing.load_probes(), *(probing.Probe(name=name, group="ray", **row) for name, row in own.items())]


class Prober:
    """Lives in a Ray worker: every probe, jailed and as its control, is started by a Ray task."""

    def __init__(self, session, raylet, environment, token_file):
        self.probing, planting = load("probing"), load("planting")
        self.environment = Path(environment)
        self.probes = {probe.name: probe for probe in load_probes(self.probing)}
        self.stack = contextlib.ExitStack()
        self.planted = self.stack.enter_context(planting.planted(self.probing.CONTROL_UID))
        self.planted |= self.open_up(Path(session), raylet) | {"token_file": token_file}

    def open_up(self, session, raylet):
        canary = session / "logs" / "canary"
        canary.write_text(self.planted["canary"])
        session.parents[1].chmod(0o711)
        for path in [session.parent, session, *session.rglob("*")]:
            if path.is_dir() or path.is_socket():
                path.chmod(0o777)
        canary.chmod(0o644)
        ports = listening()
        shared = Path("/dev/shm") / f"plasma-{os.getpid()}"
        shared.write_text(self.planted["canary"])
        drop = {"user": self.probing.CONTROL_UID, "group": self.probing.CONTROL_UID, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chown(shared, self.probing.CONTROL_UID if drop else -1, -1)
        holder = subprocess.Popen(["sh", "-c", f"exec 9<{shared}; sleep 600"], cwd="/", start_new_session=True, **drop)
        self.stack.callback(holder.wait)
        self.stack.callback(os.killpg, holder.pid, 9)
        listed = Path("/dev/shm") / f"plasma-listed-{os.getpid()}"
        listed.write_text("x")
        self.stack.callback(listed.unlink)
        while not any("plasma" in name for name in links(holder.pid)):
            pass
        shared.unlink()
        return {
            "ray": str(session),
            "raylet_pid": raylet,
            "ports": sorted(ports.values()),
            **{key: ports[name] for key, name in (("gcs_port", "gcs_server"), ("raylet_port", "raylet"), ("worker_port", os.getpid()))},
            "plasma_folder": "/dev/shm",
            "plasma_name": listed.name,
        }

    def run(self, name):
        probe = self.probes[name]
        jailed = asdict(self.probing.run_probe_in_jail(probe, self.environment, self.planted))
        control = asdict(self.probing.run_control(probe, self.planted)) if probe.counted else None
        return {"jailed": jailed, "control": control}

    def close(self):
        self.stack.close()


def listening():
    """Ports that Ray's processes listen on: by process name, and by pid for this worker's own."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    ports = {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING}
    found = {}
    for pid in session_members(os.getsid(0)):
        for link in links(pid):
            if link.startswith("socket:[") and link[8:-1] in ports:
                found[pid if pid == os.getpid() else _command(pid)] = ports[link[8:-1]]
    return found


def links(pid):
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def main(home, temp_dir, environment, names, results):
    import ray

    enter_loopback_network()
    with _sole_session(Path(temp_dir)):
        _start_ray(1, "", temp_dir)
        raylet = next(pid for pid in children_of(os.getpid()) if _command(pid) == "raylet")
        session = (Path(temp_dir) / "session_latest").resolve()
        kept = ray.put(b"x" * (1 << 20))  # so that plasma holds something
        prober = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Prober)
        actor = prober.remote(str(session), raylet, environment, str(Path(home) / "keys" / "ray.token"))
        seen = {}
        for name in json.loads(names):
            try:
                seen[name] = ray.get(actor.run.remote(name))
            except Exception as error:
                seen[name] = {"broken": str(error)[-2000:]}
        ray.get(actor.close.remote())
        del kept
        Path(results).write_text(json.dumps(seen))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    finally:
        kill_session(os.getsid(0))
