"""What somebody asks to be run: the project file people write (glovebox.yaml) and the spec that is stored and hashed.

Knows no kind: each kind reads ``inputs`` and ``params`` itself when the job is submitted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog import canonical_json, strict_yaml
from catalog.errors import BadInput
from catalog.identifiers import is_name

LARGEST_PROJECT_FILE_BYTES = 256_000
_OUTPUT_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9]{1,10})?")
_STEP_KEYS = {"kind", "needs", "inputs", "params", "split", "code", "resources", "outputs"}
LEVELS = ("release", "inside")


@dataclass(frozen=True, slots=True)
class Resources:
    """What an attempt may use at most."""

    cpus: int = 1
    memory_mb: int = 2048
    wall_seconds: int = 900
    disk_mb: int = 256


LARGEST = Resources(cpus=2, memory_mb=16_384, wall_seconds=6 * 3600, disk_mb=4096)


@dataclass(frozen=True, slots=True)
class DeclaredOutput:
    """A file a step promises: anything it does not promise is deleted with the attempt."""

    name: str
    path: str
    type: str
    level: str


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job, complete: the same spec, inputs and snapshot give the same outputs."""

    kind: str
    step: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = Resources()
    outputs: tuple[DeclaredOutput, ...] = ()
    code_sha256: str = ""
    code_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "step": self.step,
            "inputs": dict(self.inputs),
            "params": dict(self.params),
            "split": dict(self.split),
            "resources": {name: getattr(self.resources, name) for name in Resources.__dataclass_fields__},
            "outputs": [{"name": o.name, "path": o.path, "type": o.type, "level": o.level} for o in self.outputs],
            "code_sha256": self.code_sha256,
            "code_bytes": self.code_bytes,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> JobSpec:
        return cls(
            document["kind"],
            document["step"],
            document["inputs"],
            document["params"],
            document["split"],
            Resources(**document["resources"]),
            tuple(DeclaredOutput(**o) for o in document["outputs"]),
            document["code_sha256"],
            document["code_bytes"],
        )

    @property
    def hash(self) -> str:
        return canonical_json.sha256_hex(self.to_json())


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a project file. ``code`` is a path beside the file, for kinds that run the bank's own code."""

    spec: JobSpec
    needs: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class ProjectFile:
    project: str
    steps: Mapping[str, Step]

    def step(self, name: str) -> Step:
        if name not in self.steps:
            raise BadInput("spec.no_step", step=name, steps=", ".join(self.steps))
        return self.steps[name]


def parse_project_file(text: str) -> ProjectFile:
    """Read ``glovebox.yaml``. Raises BadInput that names the step, the key and what is expected there."""
    if len(text.encode("utf-8", "replace")) > LARGEST_PROJECT_FILE_BYTES:
        raise BadInput("spec.too_large", limit=LARGEST_PROJECT_FILE_BYTES)
    document = strict_yaml.load(text.encode("utf-8", "replace"), "glovebox.yaml")
    if not isinstance(document, dict) or document.get("version") != 1:
        raise BadInput("spec.wrong_version")
    _only_keys(document, {"version", "project", "steps"}, "glovebox.yaml")
    project = _text(document, "project", "glovebox.yaml")
    steps = document.get("steps")
    if not isinstance(steps, dict) or not steps:
        raise BadInput("spec.wrong_type", where="steps", expected="a mapping of at least one step")
    parsed = {str(name): _step(str(name), body) for name, body in steps.items()}
    _check_needs(parsed)
    return ProjectFile(project, parsed)


def _step(name: str, body: Any) -> Step:
    where = f"steps.{name}"
    if not is_name(name):
        raise BadInput("spec.step_name", example="train_trees")
    if not isinstance(body, dict):
        raise BadInput("spec.wrong_type", where=where, expected="a mapping")
    _only_keys(body, _STEP_KEYS, where)
    spec = JobSpec(
        kind=_text(body, "kind", where),
        step=name,
        inputs=_plain_mapping(body, "inputs", where),
        params=_plain_mapping(body, "params", where),
        split=_plain_mapping(body, "split", where),
        resources=_resources(body.get("resources", {}), where),
        outputs=_outputs(body.get("outputs", {}), where),
    )
    needs = body.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(n, str) for n in needs):
        raise BadInput("spec.wrong_type", where=f"{where}.needs", expected="a list of step names")
    code = body.get("code", "")
    if not isinstance(code, str):
        raise BadInput("spec.wrong_type", where=f"{where}.code", expected="a path beside glovebox.yaml")
    return Step(spec, tuple(needs), code)


def _resources(body: Any, where: str) -> Resources:
    if not isinstance(body, dict):
        raise BadInput("spec.wrong_type", where=f"{where}.resources", expected="a mapping")
    _only_keys(body, set(Resources.__dataclass_fields__), f"{where}.resources")
    for key, value in body.items():
        limit = getattr(LARGEST, key)
        if type(value) is not int or not 1 <= value <= limit:
            raise BadInput("spec.resource_out_of_range", where=f"{where}.resources.{key}", limit=limit)
    return Resources(**body)


def _outputs(body: Any, where: str) -> tuple[DeclaredOutput, ...]:
    if not isinstance(body, dict):
        raise BadInput("spec.wrong_type", where=f"{where}.outputs", expected="a mapping from name to {path, type, level}")
    outputs = []
    for name, output in body.items():
        at = f"{where}.outputs.{name}"
        if not isinstance(output, dict):
            raise BadInput("spec.wrong_type", where=at, expected="{path, type, level}")
        _only_keys(output, {"path", "type", "level"}, at)
        path, level = _text(output, "path", at), output.get("level", "inside")
        if not _OUTPUT_PATH.fullmatch(path):
            raise BadInput("spec.output_name", where=f"{at}.path")
        if level not in LEVELS:
            raise BadInput("spec.wrong_type", where=f"{at}.level", expected=" or ".join(LEVELS))
        outputs.append(DeclaredOutput(str(name), path, _text(output, "type", at), level))
    if len({o.path for o in outputs}) != len(outputs):
        raise BadInput("spec.output_twice", where=f"{where}.outputs")
    return tuple(outputs)


def _check_needs(steps: Mapping[str, Step]) -> None:
    done: set[str] = set()
    while len(done) < len(steps):
        ready = [name for name, step in steps.items() if name not in done and set(step.needs) <= done]
        if not ready:
            stuck = sorted(set(steps) - done)[0]
            raise BadInput("spec.needs_unmet", step=stuck, needs=", ".join(steps[stuck].needs))
        done.update(ready)


def _only_keys(body: Mapping[Any, Any], known: set[str], where: str) -> None:
    unknown = sorted(str(key) for key in body if key not in known)
    if unknown:
        raise BadInput("spec.unknown_key", where=where, key=unknown[0], known=", ".join(sorted(known)))


def _text(body: Mapping[str, Any], key: str, where: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise BadInput("spec.wrong_type", where=f"{where}.{key}", expected="a text of 1 to 200 characters")
    return value


def _plain_mapping(body: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise BadInput("spec.wrong_type", where=f"{where}.{key}", expected="a mapping")
    try:
        plain: dict[str, Any] = canonical_json.loads(canonical_json.dumps(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput("spec.wrong_type", where=f"{where}.{key}", expected="texts, numbers, true or false, lists and mappings") from error
    return plain
