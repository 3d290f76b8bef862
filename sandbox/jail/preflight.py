"""Can this machine hold a jail? ``preflight`` runs one and proves every layer; ``examine_machine`` tells piece by piece why not.

Both say what to do. Neither is a substitute for the proof each jail gives of itself before its job starts.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import JailUnavailable
from catalog.outcomes import Outcome
from sandbox.jail import isolation, limits
from sandbox.jail.handshake import INSIDE
from sandbox.jail.jailer import start_jail
from sandbox.jail.slots import hold_slot
from sandbox.jail.spec import GIB, MIB, JailSpec, Limits
from sandbox.jail.syscalls import ALLOWED, supported

TOOLS = ("sh", "unshare", "setpriv", "mount", "mkdir")
# (sysctl, the value that forbids unprivileged user namespaces, the value that allows them)
USER_NAMESPACE_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "10000"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
SECCOMP_ACTIONS = frozenset({"kill_process", "errno", "allow"})
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_NEEDED = 1 * GIB
TRIAL_LIMITS = Limits(cpu_seconds=20, wall_seconds=30.0, memory_bytes=256 * MIB, tmp_bytes=MIB, out_bytes=MIB)


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """A jail was started on this machine: the layers it proved, and how long it took with an empty job."""

    layers: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One capability of this machine. ``detail_code`` and ``params`` name a message of the catalogue."""

    name: str
    ok: bool
    detail_code: str
    params: Mapping[str, object] = field(default_factory=dict)


def preflight(environment: Path) -> PreflightReport:
    """Start a jail with an empty job and prove each layer. Raises JailUnavailable with what is missing."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = start_jail(JailSpec(("-I", "-S", "-c", ""), environment, limits=TRIAL_LIMITS), Path(folder) / "out")
    if result.outcome is not Outcome.SUCCEEDED:
        raise JailUnavailable("jail.trial_failed", outcome=result.outcome.value)
    return PreflightReport(tuple(name for name, _ in INSIDE), time.monotonic() - started)


def examine_machine() -> list[Finding]:
    """One finding per capability, for ``glovebox doctor``. Never raises for a capability that is missing."""
    return [_examined(name, look) for name, look in CAPABILITIES.items()]


def _examined(name: str, look: Callable[[str], Finding]) -> Finding:
    try:
        return look(name)
    except JailUnavailable as error:
        return Finding(name, False, error.code, error.params)


def _machine(name: str) -> Finding:
    machine = platform.machine()
    code = "doctor.machine" if supported() else "jail.machine_unknown"
    return Finding(name, supported(), code, {"machine": machine, "allowed": len(ALLOWED)})


def _bubblewrap(name: str) -> Finding:
    path = isolation.find_bwrap()
    version = ".".join(map(str, isolation.bwrap_version(path)))
    return Finding(name, True, "doctor.bwrap", {"path": str(path), "version": version})


def _tools(name: str) -> Finding:
    """Needed to change the uid before bubblewrap, that is only by root."""
    for tool in TOOLS if os.geteuid() == 0 else TOOLS[:1]:
        isolation.find_tool(tool)
    return Finding(name, True, "doctor.good", {"name": name})


def _user_namespaces(name: str) -> Finding:
    for setting, forbidding, wanted in USER_NAMESPACE_SETTINGS:
        path = Path("/proc/sys") / setting
        if path.exists() and path.read_text().strip() == forbidding:
            return Finding(name, False, "doctor.userns_denied", {"setting": setting.replace("/", "."), "wanted": wanted})
    return _kernel_has(name, Path("/proc/self/ns/user").exists(), "user namespaces")


def _seccomp(name: str) -> Finding:
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    available = set(actions.read_text().split()) if actions.exists() else set()
    return _kernel_has(name, available >= SECCOMP_ACTIONS, "seccomp filters")


def _kernel_has(name: str, has: bool, feature: str) -> Finding:
    return Finding(name, has, "doctor.good" if has else "doctor.kernel_lacks", {"name": name} if has else {"feature": feature})


def _memory_group(name: str) -> Finding:
    """Make one and remove it: a mounted controller is not yet permission."""
    group = limits.plan_group(f"trial-{secrets.token_hex(6)}")
    group.create(Limits())
    group.remove()
    return Finding(name, True, "doctor.memory_group", {"version": group.version, "controllers": ", ".join(sorted(group.folders))})


def _slots(name: str) -> Finding:
    with hold_slot():
        return Finding(name, True, "doctor.good", {"name": name})


def _unprivileged(name: str) -> Finding:
    root = os.geteuid() == 0
    return Finding(name, not root, "doctor.runs_as_root" if root else "doctor.good", {} if root else {"name": name})


def _memory_files(name: str) -> Finding:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    is_memory = any(fields[1] == str(MEMORY_FOLDER) and fields[2] == "tmpfs" for fields in mounts)
    if is_memory and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_NEEDED:
        return Finding(name, True, "doctor.good", {"name": name})
    return Finding(name, False, "doctor.tmpfs_small", {"path": str(MEMORY_FOLDER), "needed_mib": MEMORY_NEEDED // MIB})


CAPABILITIES: Mapping[str, Callable[[str], Finding]] = {
    "processor": _machine,
    "bubblewrap": _bubblewrap,
    "tools": _tools,
    "user_namespaces": _user_namespaces,
    "seccomp": _seccomp,
    "memory_group": _memory_group,
    "slots": _slots,
    "unprivileged": _unprivileged,
    "memory_files": _memory_files,
}
