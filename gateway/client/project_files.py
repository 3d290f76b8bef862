"""``glovebox.yaml`` on the bank's side: read as the platform reads it, with the code that a step names and its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from catalog.errors import BadInput
from gateway.client.uploads import read_bounded
from jobs.spec import LARGEST_PROJECT_FILE_BYTES, JobSpec, ProjectFile, Step, parse_project_file

FILE: Final = "glovebox.yaml"
LARGEST_CODE: Final = 1 << 20  # bytes: what the platform takes as a script


@dataclass(frozen=True, slots=True)
class Submission:
    """One job ready to be sent."""

    spec: JobSpec
    code: bytes | None
    needs: tuple[str, ...]


def read_project_file(path: Path) -> ProjectFile:
    """Raises BadInput: unreadable, not UTF-8, or as ``parse_project_file``."""
    data = read_bounded(path, LARGEST_PROJECT_FILE_BYTES)
    try:
        return parse_project_file(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput("yaml.not_utf8", file=path.name, offset=error.start) from None


def submissions(path: Path, step: str | None = None) -> list[Submission]:
    """The step named, or all steps of the file, each after those it needs. Raises BadInput."""
    project = read_project_file(path)
    steps = [project.step(step)] if step is not None else list(_in_order(project))
    return [_submission(each, path.parent) for each in steps]


def _in_order(project: ProjectFile) -> Iterator[Step]:
    done: set[str] = set()
    while len(done) < len(project.steps):  # the parser refused circles
        for name, step in project.steps.items():
            if name not in done and set(step.needs) <= done:
                done.add(name)
                yield step


def _submission(step: Step, folder: Path) -> Submission:
    if not step.code:
        return Submission(step.spec, None, step.needs)
    path = folder / step.code
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInput("client.code_elsewhere", step=step.spec.step, path=step.code)
    code = read_bounded(path, LARGEST_CODE)
    spec = replace(step.spec, code_sha256=hashlib.sha256(code).hexdigest(), code_bytes=len(code))
    return Submission(spec, code, step.needs)
