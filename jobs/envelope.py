"""What crosses the wall between gateway and data zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Envelope:
    """One write. ``body`` holds names, numbers and hashes; rows travel only as a sealed ``attachment``."""

    id: str
    kind: str
    user_id: str
    body: Mapping[str, Any]
    attachment_sha256: str | None
