"""What every kind does around a jail: lay out inputs, start, read back the platform's own JSON, and say how it ended, no more."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from catalog import canonical_json
from catalog.outcomes import Outcome
from jobs.kinds import Attempt, Collected
from jobs.spec import Resources
from sandbox.jail.jailer import start_jail
from sandbox.jail.spec import MIB, ROOT, Bind, JailResult, JailSpec, Limits

LARGEST_REPORT_BYTES = 1 << 20
# A run's length is a channel: it is told in these steps only (seconds).
DURATION_STEPS_SECONDS = (10, 30, 60, 300, 900, 1800, 3600, 7200, 21600)


def limits_of(resources: Resources) -> Limits:
    """The jail's limits for what a spec asks. CPU time is bounded by wall time times cores."""
    return Limits(
        cpus=resources.cpus,
        cpu_seconds=resources.wall_seconds * resources.cpus,
        wall_seconds=float(resources.wall_seconds),
        memory_bytes=resources.memory_mb * MIB,
        out_bytes=resources.disk_mb * MIB,
        tmp_bytes=resources.disk_mb * MIB,
    )


def write_input(folder: Path, name: str, data: bytes) -> Bind:
    """A read-only file for the jail (0444: the job has a uid of its own; the 0700 folder above keeps everybody else out)."""
    path = folder / name
    path.write_bytes(data)
    path.chmod(0o444)
    return Bind(path, name)


def write_request(folder: Path, request: dict[str, Any], name: str = "request.json") -> Bind:
    return write_input(folder, name, canonical_json.dumps(request))


def run_in_jail(attempt: Attempt, spec: JailSpec, out: str) -> JailResult:
    """Start the jail with a fresh output folder ``out`` inside the attempt's own."""
    folder = attempt.folder / out
    folder.mkdir(mode=0o700)
    return start_jail(spec, folder)


def read_report(path: Path) -> dict[str, Any] | None:
    """The platform module's JSON, None when it is no JSON object of acceptable size."""
    if path.stat().st_size > LARGEST_REPORT_BYTES:
        return None
    try:
        found = canonical_json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def ended_badly(result: JailResult) -> Collected | None:
    """How to end the job when the jail did not succeed; None when it did."""
    if result.outcome is Outcome.SUCCEEDED:
        return None
    rejected = sorted({r.reason for r in result.rejected})
    return Collected(result.outcome, figures=told(result), evidence={"rejected": rejected, "exit_code": result.exit_code})


def refused_by_module(report: dict[str, Any] | None) -> Collected | None:
    """A platform module in the jail may refuse with a message code; None when it did not."""
    if report is None:
        return Collected(Outcome.MISSING_OUTPUT)
    refused = report.get("refused")
    if refused is None:
        return None
    params = {key: value for key, value in dict(refused.get("params", {})).items() if isinstance(value, (str, int, float))}
    return Collected(Outcome.POLICY, why={"code": str(refused.get("code")), "params": params})


def told(result: JailResult) -> dict[str, Any]:
    """All that a bank learns of a run besides its outcome."""
    within = next((step for step in DURATION_STEPS_SECONDS if result.wall_seconds <= step), DURATION_STEPS_SECONDS[-1])
    return {"duration_within_seconds": within}


@cache
def code_hash(*packages: str) -> str:
    """SHA-256 over the platform's own source files that a jail was given, by name and content."""
    digest = hashlib.sha256()
    for package in packages:
        folder = ROOT / package.replace(".", "/")
        for path in sorted(folder.rglob("*.py")):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(json.dumps([path.relative_to(ROOT).as_posix(), content]).encode())
    return digest.hexdigest()
