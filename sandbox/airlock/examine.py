"""Put one artefact through both jails: A parses the hostile bytes, B measures the canonical ones on pinned rows."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.airlock.checks.finding import CheckReport
from sandbox.airlock.checks.metrics import Truth, limits_of
from sandbox.airlock.checks.verdict import Case, verdict
from sandbox.airlock.policies import Policy
from sandbox.jail.jailer import start_jail
from sandbox.jail.spec import Bind, JailSpec, Limits, platform_code, platform_program

MIB = 1 << 20
#: Parsing is linear in at most 32 MiB of text; a minute is ten times what the largest needs.
PARSE_LIMITS = Limits(
    cpus=1, cpu_seconds=60, wall_seconds=90.0, memory_bytes=1024 * MIB, tmp_bytes=16 * MIB, out_bytes=160 * MIB, out_files=2
)
MEASURE_LIMITS = Limits(
    cpus=1, cpu_seconds=600, wall_seconds=900.0, memory_bytes=2048 * MIB, tmp_bytes=16 * MIB, out_bytes=16 * MIB, out_files=1
)
_CODE = ("sandbox.airlock.checks", "sandbox.modelling")


@dataclass(frozen=True, slots=True)
class Artefact:
    """What is checked. ``path`` holds the hostile bytes, never read by the parent but to hash and bind them.

    ``rows``: the pinned rows.arrow of the training job (features, label, observation_month, partition, optional subject).
    ``retrained_sha256``: of the same file of a second training run; ``truth``: of those rows, for a report the platform did not write.
    """

    artefact_type: str
    path: Path
    origin: str
    features: Sequence[str]
    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    rows: Path | None = None
    algorithm: str = "lightgbm"
    params: Mapping[str, object] = field(default_factory=dict)
    retrained_sha256: str | None = None
    truth: Truth | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """The report, and the canonical bytes it is about: the only bytes that may go on. Empty when there are none."""

    report: CheckReport
    canonical: bytes = field(repr=False)


def examine(artefact: Artefact, policy: Policy, environment: Path, scratch: Path) -> Examined:
    """Check one artefact. ``environment``: the jail's venv; ``scratch``: a 0700 tmpfs folder of the attempt, for the jails' files.

    A jail that fails in any way leaves its evidence missing, hence a block. Raises JailUnavailable when no jail can be started.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        parsed, canonical = _parse(artefact, policy, environment, folder)
        measured = _measure(artefact, policy, environment, folder, canonical) if canonical else None
    case = Case(
        artefact_type=artefact.artefact_type,
        origin=artefact.origin,
        artefact_sha256=_sha256(artefact.path),
        parsed=parsed,
        measured=measured,
        retrained_sha256=artefact.retrained_sha256,
        algorithm=artefact.algorithm,
        params=artefact.params,
    )
    report = verdict(case, policy)
    # The report names the hash that the evidence names; bytes of another hash are nobody's.
    agreed = hashlib.sha256(canonical).hexdigest() == report.canonical_sha256
    return Examined(report, canonical if agreed else b"")


def _parse(artefact: Artefact, policy: Policy, environment: Path, folder: Path) -> tuple[bytes | None, bytes]:
    request = {"type": artefact.artefact_type, "features": list(artefact.features), "limits": limits_of(policy), "truth": artefact.truth}
    inputs = (Bind(_readable(artefact.path, folder / "artefact"), "artefact"), _request(folder / "parse.json", request))
    found = _run("jailed_parse", inputs, ("canonical", "findings.json"), PARSE_LIMITS, environment, folder / "a")
    return found.get("findings.json"), found.get("canonical", b"")


def _measure(artefact: Artefact, policy: Policy, environment: Path, folder: Path, canonical: bytes) -> bytes | None:
    if artefact.rows is None or not artefact.artefact_type.startswith("model."):
        return None
    grid = {name: list(artefact.grid[name]) for name in artefact.features if name in artefact.grid}
    request = {
        "type": artefact.artefact_type,
        "features": list(artefact.features),
        "grid": grid,
        "limits": limits_of(policy),
        "algorithm": artefact.algorithm,
        "params": dict(artefact.params),
    }
    (folder / "canonical").write_bytes(canonical)
    inputs = (
        Bind(_readable(folder / "canonical"), "canonical"),
        Bind(_readable(artefact.rows), "rows.arrow"),
        _request(folder / "measure.json", request),
    )
    return _run("jailed_evidence", inputs, ("evidence.json",), MEASURE_LIMITS, environment, folder / "b").get("evidence.json")


def _run(
    module: str, inputs: tuple[Bind, ...], outputs: tuple[str, ...], limits: Limits, environment: Path, collect_to: Path
) -> dict[str, bytes]:
    """Outputs by name; none unless the jail succeeded."""
    collect_to.mkdir(mode=0o700)
    spec = JailSpec(
        program=platform_program(f"sandbox.airlock.checks.{module}"),
        environment=environment,
        inputs=inputs,
        code=platform_code(*_CODE),
        outputs=outputs,
        limits=limits,
    )
    return {name: path.read_bytes() for name, path in start_jail(spec, collect_to).outputs.items()}


def _request(path: Path, request: Mapping[str, object]) -> Bind:
    path.write_text(json.dumps(request))
    return Bind(_readable(path), "request.json")


def _readable(path: Path, copy_to: Path | None = None) -> Path:
    """The jail's own uid reads what is bound; the folder above stays closed to everybody else on the host."""
    if copy_to is not None:
        copy_to.write_bytes(path.read_bytes())
        path = copy_to
    path.chmod(0o444)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
