"""Take a job's declared outputs into the vault. What was not declared never gets here; what a late attempt made never counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.database import Tx
from jobs.kinds import Attempt
from sandbox.services import SandboxServices
from sandbox.store import artefacts
from sandbox.workspace.vault import VaultRef


@dataclass(frozen=True, slots=True)
class KeptOutputs:
    """``hashes`` go into the manifest; ``record`` makes the artefacts count, in the transaction that ends the job."""

    hashes: Mapping[str, str]
    record: Callable[[Tx], None]


def keep_outputs(attempt: Attempt, files: Mapping[str, Path]) -> KeptOutputs:
    """Vault the declared outputs among ``files`` (path inside the job → collected file)."""
    contents = {o.path: files[o.path].read_bytes() for o in attempt.spec.outputs if o.path in files}
    return keep_contents(attempt, {path: (_type(attempt, path), _level(attempt, path), data) for path, data in contents.items()})


def keep_contents(attempt: Attempt, contents: Mapping[str, tuple[str, str, bytes]]) -> KeptOutputs:
    """``contents``: path → (type, level, bytes)."""
    services: SandboxServices = attempt.services
    project = attempt.project_id or attempt.organisation_id
    refs: dict[str, VaultRef] = {path: services.vault.put(project, data) for path, (_, _, data) in contents.items()}
    names = {o.path: o.name for o in attempt.spec.outputs}

    def record(tx: Tx) -> None:
        for path, (type_, level, _) in contents.items():
            artefacts.add_artefact(
                tx,
                job_id=attempt.job_id,
                attempt=attempt.number,
                project_id=project,
                name=names.get(path, path),
                path=path,
                type_=type_,
                level=level,
                ref=refs[path],
            )

    return KeptOutputs({path: ref.sha256 for path, ref in refs.items()}, record)


def _type(attempt: Attempt, path: str) -> str:
    return next(o.type for o in attempt.spec.outputs if o.path == path)


def _level(attempt: Attempt, path: str) -> str:
    return next(o.level for o in attempt.spec.outputs if o.path == path)
