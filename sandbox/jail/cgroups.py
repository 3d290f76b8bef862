"""Where this process may create control groups: cgroup v1 (one tree per controller) or v2 (one tree, delegated).

With v2 a group that holds processes cannot hand controllers to children, so a service in a delegated group first moves
itself into a leaf; jobs become siblings of that leaf.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import JailUnavailable

NEEDED_V1 = ("memory", "pids", "cpu", "cpuacct")
NEEDED_V2 = ("memory", "pids", "cpu")
SERVICE_LEAF = "glovebox-service"
# Set this to a delegated cgroup v2 folder when the service's own group is not the one to use.
PARENT_VARIABLE = "GLOVEBOX_CGROUP"


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted cgroup tree: ``controllers`` is empty for v2; ``root`` is the group that the mount point shows."""

    point: Path
    root: str
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Folders beneath which a job's groups are made, by controller."""

    version: int
    bases: Mapping[str, Path]


def find_place(mountinfo: str | None = None, own_groups: str | None = None) -> Place:
    """Choose v1 when its memory controller is mounted, else a delegated v2 group. Raises JailUnavailable when there is neither."""
    mounts = read_mounts(Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo)
    own = read_own_groups(Path("/proc/self/cgroup").read_text() if own_groups is None else own_groups)
    trees = {controller: mount for mount in mounts for controller in mount.controllers}
    if all(controller in trees for controller in NEEDED_V1):
        return Place(1, {controller: _visible(trees[controller], own.get(controller, "/")) for controller in NEEDED_V1})
    unified = next((mount for mount in mounts if not mount.controllers), None)
    if unified is None:
        raise JailUnavailable("jail.no_memory_group", reason="no cgroup file system with a memory controller is mounted")
    return _place_v2(_visible(unified, own.get("", "/")))


def read_mounts(mountinfo: str) -> list[Mount]:
    """Parse /proc/self/mountinfo: of each cgroup mount its root, mount point and controllers."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if tail and tail[0] in ("cgroup", "cgroup2"):
            controllers = frozenset(tail[-1].split(",")) & frozenset(NEEDED_V1) if tail[0] == "cgroup" else frozenset()
            if controllers or tail[0] == "cgroup2":
                found.append(Mount(Path(fields[4]), fields[3], controllers))
    return found


def read_own_groups(text: str) -> dict[str, str]:
    """Parse /proc/self/cgroup: this process's group by controller; key "" is v2."""
    groups = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def _visible(mount: Mount, group: str) -> Path:
    """The folder of ``group`` under the mount point; the mount's root when a container shows only part of the tree."""
    if mount.root != "/" and (group + "/").startswith(mount.root + "/"):
        group = group[len(mount.root) :]
    folder = mount.point / group.lstrip("/")
    return folder if folder.is_dir() else mount.point


def _place_v2(own: Path) -> Place:
    """The delegated parent of future job groups, its controllers handed down. Raises JailUnavailable."""
    try:
        base = Path(os.environ[PARENT_VARIABLE]) if PARENT_VARIABLE in os.environ else _leave_for_leaf(own)
        missing = set(NEEDED_V2) - set((base / "cgroup.controllers").read_text().split())
        if missing:
            raise JailUnavailable("jail.no_memory_group", reason=f"controllers not delegated: {', '.join(sorted(missing))}")
        if not set(NEEDED_V2) <= set((base / "cgroup.subtree_control").read_text().split()):
            (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in NEEDED_V2))
    except OSError as error:
        raise JailUnavailable("jail.no_memory_group", reason=f"{error.strerror}: {error.filename}") from error
    return Place(2, dict.fromkeys(NEEDED_V2, base))


def _leave_for_leaf(own: Path) -> Path:
    """Move every process of our group into a leaf, unless we are in one or in the machine's root group; return the parent."""
    if own.name == SERVICE_LEAF:
        return own.parent
    if not (own / "cgroup.type").exists():
        return own
    leaf = own / SERVICE_LEAF
    leaf.mkdir(exist_ok=True)
    for pid in (own / "cgroup.procs").read_text().split():
        (leaf / "cgroup.procs").write_text(pid)
    return own
