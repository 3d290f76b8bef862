"""What this machine can and cannot do safely. A finding is good (✓), a warning (●), or unsafe (■): then nothing may be run here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from catalog.errors import BadInput, JailUnavailable, NotFound
from catalog.messages import Language, render
from catalog.settings import Settings, load_settings
from gateway.composition import JAIL_LOCK
from sandbox.jail.preflight import Finding, examine_machine, preflight
from sandbox.workspace import environments

OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Missing, they weaken nothing that a job relies on: the jail changes the uid itself, and inputs that do not fit are refused.
WARNINGS = frozenset({"unprivileged", "memory_files"})


class Level(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    UNSAFE = "unsafe"


SIGNS: Mapping[Level, str] = {Level.GOOD: "✓", Level.WARNING: "●", Level.UNSAFE: "■"}


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing looked at. ``code`` and ``params`` name a message of the catalogue."""

    name: str
    level: Level
    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.level is not Level.UNSAFE

    def text(self, language: Language = "en") -> str:
        return render(self.code, self.params, language)

    def to_json(self) -> dict[str, Any]:
        """{name, level, ok, code, params, text, text_zh}."""
        texts = {"text": self.text("en"), "text_zh": self.text("zh")}
        return {"name": self.name, "level": str(self.level), "ok": self.ok, "code": self.code, "params": dict(self.params), **texts}


def examine(home: Path) -> list[DoctorFinding]:
    """Everything worth knowing about this machine and the home on it. Never raises for what is missing."""
    try:
        settings: Settings | None = load_settings(home)
        about_home = list(_home(home))
    except (NotFound, BadInput) as error:
        settings, about_home = None, [DoctorFinding("home", Level.WARNING, error.code, error.params)]
    machine = [_judged(finding) for finding in examine_machine()]
    return [*machine, _ray(), *about_home, *_custody(settings), _jail(settings or Settings(home=home))]


def is_safe(findings: list[DoctorFinding]) -> bool:
    return all(finding.ok for finding in findings)


def _judged(found: Finding) -> DoctorFinding:
    bad = Level.WARNING if found.name in WARNINGS else Level.UNSAFE
    return DoctorFinding(found.name, Level.GOOD if found.ok else bad, found.detail_code, found.params)


def _ray() -> DoctorFinding:
    if os.geteuid() == 0:
        return DoctorFinding("ray", Level.WARNING, "doctor.ray_as_root")
    return DoctorFinding("ray", Level.GOOD, "doctor.good", {"name": "ray"})


def _home(home: Path) -> Iterator[DoctorFinding]:
    status = home.stat()
    if status.st_mode & OTHERS or status.st_uid != os.geteuid():
        yield DoctorFinding("home", Level.UNSAFE, "doctor.home_open", {"home": str(home)})
    else:
        yield DoctorFinding("home", Level.GOOD, "doctor.home", {"home": str(home)})


def _custody(settings: Settings | None) -> Iterator[DoctorFinding]:
    """Key files are the only custody there is so far: honest in a trial, refused for real data."""
    if settings is None:
        return
    level = Level.UNSAFE if settings.production else Level.WARNING
    yield DoctorFinding("key_custody", level, "doctor.custody_embedded")


def _jail(settings: Settings) -> DoctorFinding:
    """The real thing: a jail is started with an empty job, and each layer proved from within."""
    try:
        environment = environments.find(settings.environments_dir, JAIL_LOCK)
    except JailUnavailable as error:
        return DoctorFinding("jail", Level.UNSAFE, error.code, error.params)
    try:
        report = preflight(environment)
    except JailUnavailable as error:
        return DoctorFinding("jail", Level.UNSAFE, error.code, error.params)
    params = {"layers": ", ".join(report.layers), "milliseconds": round(report.seconds * 1000)}
    return DoctorFinding("jail", Level.GOOD, "doctor.jail", params)
