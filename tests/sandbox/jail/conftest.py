"""The environment in which the jail's own tests run their jobs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.workspace import environments

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def job_environment() -> Path:
    """The jail's environment, built once per lock file and kept between runs (it takes a while)."""
    home = os.environ.get("GLOVEBOX_TEST_HOME")
    folder = Path(home) if home else Path.home() / ".cache" / "glovebox-test"
    return environments.build(folder / "environments", ROOT / "requirements" / "jail.txt")
