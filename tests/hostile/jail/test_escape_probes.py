"""Can a bank's code get out of the jail, or get too much? Each probe twice: in the product's jail, and unjailed as a control."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

LOG_BYTES = 65536


def test_the_jail_stops(probe: Any, job_environment: Path, probing: ModuleType, planted: dict[str, Any]) -> None:
    seen = probing.run_probe_in_jail(probe, job_environment, planted)

    assert not seen.reached, seen.how
    assert seen.log_bytes <= LOG_BYTES
    if seen.outcome != "succeeded":
        assert seen.outputs == ()
    assert set(seen.outputs) <= {"verdict.json", *probe.declared}


def test_the_control_without_a_jail_succeeds(probe: Any, probing: ModuleType, planted: dict[str, Any]) -> None:
    seen = probing.run_control(probe, planted)

    assert seen.reached, seen.how


def test_enough_probes_have_a_working_control(probing: ModuleType) -> None:
    probes = probing.load_probes()

    assert sum(probe.counted for probe in probes) >= 45
    assert len({probe.name for probe in probes}) == len(probes)
