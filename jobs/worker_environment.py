"""The environment that worker processes start with: a short list of names, so that no secret of the service's shell gets there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Where to find programs and folders, and how to write text. Nothing here is a secret, and nothing else is handed on.
HANDED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "GLOVEBOX_ENVIRONMENTS",
    "GLOVEBOX_RUNTIME",
    "GLOVEBOX_CGROUP",
)
ROOT = Path(__file__).resolve().parents[1]


def worker_environment(home: Path, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of ``own`` (default: this process's environment) a worker gets, and where its home and code are."""
    source = os.environ if own is None else own
    kept = {name: source[name] for name in HANDED_ON if name in source}
    return {**kept, "GLOVEBOX_HOME": str(home), "PYTHONPATH": str(ROOT)}
