"""Loads the probe table by path (tests are not packages) and plants what the probes look for."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sandbox.workspace import environments

ROOT = Path(__file__).resolve().parents[3]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"glovebox_hostile_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


PROBING = _load("probing")
PLANTING = _load("planting")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "probe" in metafunc.fixturenames:
        probes = PROBING.load_probes()
        if "control" in metafunc.function.__name__:
            probes = [probe for probe in probes if probe.counted]
        metafunc.parametrize("probe", probes, ids=lambda probe: f"{probe.group}-{probe.name}")


@pytest.fixture(scope="session")
def probing() -> ModuleType:
    return PROBING


@pytest.fixture(scope="session")
def planted() -> Iterator[dict[str, Any]]:
    with PLANTING.planted(PROBING.CONTROL_UID) as found:
        yield found


@pytest.fixture(scope="session")
def job_environment() -> Path:
    """The jail's environment, built once per lock file and kept between runs (it takes a while)."""
    home = os.environ.get("GLOVEBOX_TEST_HOME")
    folder = Path(home) if home else Path.home() / ".cache" / "glovebox-test"
    return environments.build(folder / "environments", ROOT / "requirements" / "jail.txt")
