"""What a caller asks of the jail and what it gets back.

Inside: cwd and home /tmp, inputs under /in, code under /code, both read-only; /out takes the declared files, and only
those leave. Files bound into the jail must be readable by anyone (0444): the job runs under a uid of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catalog.outcomes import Outcome

MIB = 1 << 20
GIB = 1 << 30

OUTPUT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
BIND_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,9}")
VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")

LAUNCHER = "/jail/launch.py"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder shown read-only at /in/<name> (as an input) or /code/<name> (as code)."""

    source: Path
    name: str

    def __post_init__(self) -> None:
        if not BIND_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be a name inside the jail")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one job. ``processes`` counts threads; bytes are exact; ``log_bytes`` keeps the head of stdout and stderr."""

    cpus: int = 1
    cpu_seconds: int = 600
    wall_seconds: float = 900.0
    memory_bytes: int = 2 * GIB
    processes: int = 64
    tmp_bytes: int = 256 * MIB
    out_bytes: int = 256 * MIB
    out_files: int = 16
    log_bytes: int = 64 << 10

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"limit {name} must be positive")


@dataclass(frozen=True, slots=True)
class JailSpec:
    """One job. ``program`` is argv after the interpreter; ``outputs`` are the file names that may leave /out."""

    program: tuple[str, ...]
    environment: Path
    inputs: tuple[Bind, ...] = ()
    code: tuple[Bind, ...] = ()
    outputs: tuple[str, ...] = ()
    limits: Limits = Limits()
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bad_outputs = [name for name in self.outputs if not OUTPUT_NAME.fullmatch(name)]
        bad_variables = [name for name in self.variables if not VARIABLE_NAME.fullmatch(name)]
        if bad_outputs or bad_variables:
            raise ValueError(f"not allowed as output or variable: {bad_outputs + bad_variables}")
        for binds in (self.inputs, self.code):
            names = [bind.name for bind in binds]
            if len(set(names)) != len(names):
                raise ValueError(f"one name is bound twice: {sorted(names)}")


@dataclass(frozen=True, slots=True)
class RejectedOutput:
    """One thing found in /out that stays behind. ``name`` is None when the name itself is not fit to be repeated."""

    name: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class JailResult:
    """How a job ended. ``log`` may hold rows: it stays inside. ``outputs`` is empty unless the job succeeded."""

    outcome: Outcome
    exit_code: int | None
    wall_seconds: float
    cpu_seconds: float | None
    peak_bytes: int | None
    log: bytes = field(repr=False)
    outputs: Mapping[str, Path]
    rejected: tuple[RejectedOutput, ...]


def platform_program(module: str) -> tuple[str, ...]:
    """Run a platform module inside, as ``python -m`` would, with /code on its path."""
    return ("-I", "-B", LAUNCHER, "module", module)


def script_program(name: str, *arguments: str) -> tuple[str, ...]:
    """Run somebody's script bound at /code/<name>; its folder is on its path, as in ``python FILE``."""
    return ("-I", "-B", LAUNCHER, "script", f"/code/{name}", *arguments)


def platform_code(*packages: str) -> tuple[Bind, ...]:
    """Bind platform packages by dotted name under /code, without the rest of the tree.

    Their parents become namespace packages, so nothing of a parent's ``__init__`` runs.
    """
    return tuple(_platform_bind(package) for package in packages)


def _platform_bind(package: str) -> Bind:
    inside = package.replace(".", "/")
    folder = ROOT / inside
    return Bind(folder, inside) if folder.is_dir() else Bind(folder.with_suffix(".py"), f"{inside}.py")
