"""Jobs as they are submitted and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from gateway.schemas import Asked, Id, Name, Told, Words
from jobs.spec import LARGEST

CODE_BASE64 = 4 * ((1 << 20) // 3 + 1)  # characters of the largest code in base64


class ResourcesBody(Asked):
    cpus: int = Field(default=1, ge=1, le=LARGEST.cpus)
    memory_mb: int = Field(default=2048, ge=1, le=LARGEST.memory_mb)
    wall_seconds: int = Field(default=900, ge=1, le=LARGEST.wall_seconds)
    disk_mb: int = Field(default=256, ge=1, le=LARGEST.disk_mb)


class OutputBody(Asked):
    name: Id
    path: str = Field(max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}(\.[A-Za-z0-9]{1,10})?$")
    type: Words
    level: Literal["release", "inside"]


class SpecBody(Asked):
    """A job's spec, as ``JobSpec.to_json`` writes it. Its code's hash and size are taken from the code itself."""

    kind: str = Field(min_length=1, max_length=32)
    step: Name
    inputs: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    split: dict[str, Any] = Field(default_factory=dict)
    resources: ResourcesBody = ResourcesBody()
    outputs: list[OutputBody] = Field(default_factory=list, max_length=16)
    code_sha256: str = Field(default="", max_length=64)
    code_bytes: int = Field(default=0, ge=0)


class JobBody(Asked):
    spec: SpecBody
    code: str | None = Field(default=None, max_length=CODE_BASE64)


class Why(Told):
    """A message: its code, what fills it, and its text in both languages."""

    code: str
    params: dict[str, Any]
    text: str
    text_zh: str


class JobTold(Told):
    """Fields that are not for the caller are null. ``evidence`` is for system administrators and auditors."""

    id: str
    kind: str
    status: str
    organisation_id: str | None = None
    project_id: str | None = None
    step: str | None = None
    why: Why | None = None
    outcome: str | None = None
    figures: dict[str, Any] | None = None
    attempt: int | None = None
    cancel_requested: bool | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: dict[str, Any] | None = None
