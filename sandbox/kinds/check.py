"""Kind ``check``: judge a release. Hostile bytes are parsed in jail A, measured against pinned rows in jail B; the verdict is made here.

What was trained is trained again, with another number of threads, a model's bands are frozen, and a script's report is held against
the rows; votes bind to the report of all this.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog import canonical_json
from catalog.actors import PLATFORM
from catalog.database import Tx
from catalog.errors import IntegrityBroken, NotFound
from catalog.outcomes import Outcome
from jobs.kinds import Attempt, Collected
from jobs.spec import JobSpec
from jobs.store import jobs as job_store
from sandbox.airlock.checks import resolution
from sandbox.airlock.checks.finding import CheckReport, Verdict, worst_first
from sandbox.airlock.examine import Artefact, examine
from sandbox.airlock.lifecycle import ReleaseEvent
from sandbox.airlock.policies import DEFAULT
from sandbox.kinds.inputs import InputNames, prepare_rows
from sandbox.kinds.jail_step import run_in_jail, write_input
from sandbox.kinds.score import INDEX, read_csv, read_margins, scoring_spec
from sandbox.kinds.train import REPORT, split_params, training_spec
from sandbox.kinds.truth import truth_of
from sandbox.modelling.bands import freeze_bands
from sandbox.modelling.params import validate_params
from sandbox.modelling.training import MODEL_FILES
from sandbox.services import SandboxServices
from sandbox.store import artefacts, releases
from sandbox.store.releases import Release, ReleaseFile
from sandbox.workspace.assembly import Assembled, Pinned, Plan, shown_codes
from sandbox.workspace.vault import VaultRef

ALGORITHM_OF = {"model.trees": "lightgbm", "model.scorecard": "scorecard"}
MODEL_NAMES = {type_: MODEL_FILES[algorithm] for type_, algorithm in ALGORITHM_OF.items()}

#: Kinds whose outputs are judged against the labelled rows they saw.
WITH_ROWS = ("train", "script")


class CheckKind:
    name = "check"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """Started by the platform, which checked what it was asked."""

    def prepare(self, attempt: Attempt) -> None:
        """Rebuild what the judged job saw, byte for byte. Raises IntegrityBroken when that cannot be done."""
        services: SandboxServices = attempt.services
        with services.database.reading() as tx:
            release = releases.find(tx, str(attempt.spec.inputs["release_id"]))
            made_by = job_store.find(tx, release.job_id)
        attempt.state.update({"release": release, "made_by": made_by, "plan": None, "assembled": None})
        if made_by.kind not in WITH_ROWS:
            return
        manifest = made_by.evidence["manifest"]
        names = InputNames.of(made_by.spec)
        pinned = Pinned.from_json(manifest["inputs"])
        plan, assembled = prepare_rows(attempt, names, labelled=True, pinned=pinned, cohort_id=manifest["cohort"])
        if assembled.rows.sha256 != manifest["rows_sha256"]:
            raise IntegrityBroken("check.rows_differ", job=made_by.id)
        attempt.state.update({"plan": plan, "assembled": assembled})

    def run(self, attempt: Attempt) -> None:
        release: Release = attempt.state["release"]
        attempt.state["retrained"] = _retrain(attempt) if attempt.state["made_by"].kind == "train" else {}
        attempt.state["checked"] = [_check_file(attempt, file, number) for number, file in enumerate(release.files)]

    def collect(self, attempt: Attempt) -> Collected:
        services: SandboxServices = attempt.services
        release: Release = attempt.state["release"]
        reports: dict[str, Any] = {}
        files, bands, blocked, soft = [], None, False, 0
        for file, report, canonical, frozen in attempt.state["checked"]:
            if canonical:
                ref = services.vault.put(release.project_id, canonical)
                salt = secrets.token_hex(32) if file.type == "scores" else ""
                file = ReleaseFile(file.name, file.path, file.type, ref.sha256, ref.size, salt)
            files.append(file)
            reports[file.name] = report.to_json()
            bands = frozen if frozen is not None else bands
            blocked |= report.blocked
            soft += len(report.of(Verdict.REVIEW))
        # The salt keeps the report's hash, which every package carries, from confirming a guess about what was reviewed.
        body = {"v": 1, "salt": secrets.token_hex(32), "policy": asdict(DEFAULT), "files": reports, "bands": bands}
        plan: Plan | None = attempt.state["plan"]
        body["codes"] = shown_codes(plan, attempt.state["assembled"]) if plan is not None else {}  # they leave with the model
        record = _Recorder(attempt.job_id, release, tuple(files), body, blocked, soft)
        figures = {"verdict": "block" if blocked else "review" if soft else "pass", "files": len(files)}
        return Collected(Outcome.SUCCEEDED, figures=figures, record=record)


class _Recorder:
    """Writes the report into the release and takes its next step, in the transaction that ends the check."""

    def __init__(
        self, job_id: str, release: Release, files: tuple[ReleaseFile, ...], body: dict[str, Any], blocked: bool, soft: int
    ) -> None:
        self._job_id, self._release, self._files = job_id, release, files
        self._body, self._blocked, self._soft = body, blocked, soft

    def __call__(self, tx: Tx) -> None:
        current = releases.find(tx, self._release.id)
        if current.check_job != self._job_id or current.state != self._release.state:
            return  # withdrawn or checked anew meanwhile: this report is about another round
        columns: dict[str, Any] = {
            "report": canonical_json.dumps(self._body).decode(),
            "report_hash": canonical_json.sha256_hex(self._body),
            "files": releases.files_text(self._files),
        }
        hashes = {file.name: file.sha256 for file in self._files}
        payload = {"report": columns["report_hash"], "files": hashes}
        if self._blocked:
            releases.move(tx, current.id, ReleaseEvent.BLOCK, PLATFORM, payload=payload, **columns)
        elif self._soft and not current.reason.strip():
            why = {"code": "release.reason_needed", "params": {"count": self._soft, "release": current.id}}
            releases.note(tx, current.id, PLATFORM, "release.checked", payload, why=json.dumps(why), **columns)
        else:
            releases.move(tx, current.id, ReleaseEvent.SUBMIT, PLATFORM, payload=payload, why="{}", **columns)


def _check_file(attempt: Attempt, file: ReleaseFile, number: int) -> tuple[ReleaseFile, CheckReport, bytes, list[float] | None]:
    """(file, report, canonical bytes or b"", frozen bands of a model that may still leave)."""
    services: SandboxServices = attempt.services
    release: Release = attempt.state["release"]
    try:
        data = services.vault.get(release.project_id, VaultRef(file.sha256, file.size))
    except NotFound:
        raise IntegrityBroken("check.artefact_missing", name=file.name, job=release.job_id) from None
    bound = write_input(attempt.folder, f"artefact-{number}", data)
    examined = examine(_artefact(attempt, file, bound.source), DEFAULT, services.jail_environment, attempt.folder)
    if file.type == "scores" and examined.canonical:
        return file, _with_subjects(attempt, examined.report, examined.canonical), examined.canonical, None
    bands = None
    if file.type.startswith("model.") and examined.canonical and not examined.report.blocked:
        bands = _freeze(attempt, file.type, examined.canonical, number)
    return file, examined.report, examined.canonical, bands


def _with_subjects(attempt: Attempt, report: CheckReport, canonical: bytes) -> CheckReport:
    """The report with what only the platform can count: distinct firms per band, from the index that stays inside."""
    services: SandboxServices = attempt.services
    release: Release = attempt.state["release"]
    with services.database.reading() as tx:
        index = next(a for a in artefacts.artefacts_of(tx, release.job_id) if a.name == INDEX)
    subjects = {row["row_id"]: row["topic_id"] for row in read_csv(services.vault.get(release.project_id, index.ref))}
    firms: dict[str, set[str]] = defaultdict(set)
    for row in read_csv(canonical):
        firms[row["band"]].add(subjects[row["row_id"]])
    finding = resolution.judge_subjects(min(map(len, firms.values()), default=0), DEFAULT)
    return replace(report, findings=worst_first((*report.findings, finding)))


def _artefact(attempt: Attempt, file: ReleaseFile, path: Path) -> Artefact:
    made_by: job_store.Job = attempt.state["made_by"]
    plan: Plan | None = attempt.state["plan"]
    assembled: Assembled | None = attempt.state["assembled"]
    if plan is None or assembled is None:
        return Artefact(file.type, path, made_by.kind, features=())
    trained = made_by.kind == "train"
    algorithm, given = split_params(made_by.spec) if trained else (ALGORITHM_OF.get(file.type, "lightgbm"), {})
    return Artefact(
        artefact_type=file.type,
        path=path,
        origin=made_by.kind,
        features=plan.names,
        grid=assembled.grid,
        rows=Path(assembled.rows.path),
        algorithm=algorithm,
        params=validate_params(algorithm, given),
        retrained_sha256=attempt.state["retrained"].get(file.path),
        truth=None if trained or file.type != "metrics" else truth_of(Path(assembled.rows.path)),
    )


def _retrain(attempt: Attempt) -> dict[str, str]:
    """SHA-256 by path of model and report of a second training run, with another number of threads. Empty when it failed."""
    made_by: job_store.Job = attempt.state["made_by"]
    algorithm, _ = split_params(made_by.spec)
    threads = made_by.spec.resources.cpus % 2 + 1
    spec = training_spec(attempt, attempt.state["plan"], attempt.state["assembled"], spec=made_by.spec, threads=threads)
    result = run_in_jail(attempt, spec, "retrain")
    if result.outcome is not Outcome.SUCCEEDED:
        return {}
    return {path: hashlib.sha256(result.outputs[path].read_bytes()).hexdigest() for path in (MODEL_FILES[algorithm], REPORT)}


def _freeze(attempt: Attempt, type_: str, canonical: bytes, number: int) -> list[float] | None:
    """Bands from the margins of the training rows; None when scoring them failed, and such a model scores no list."""
    folder = attempt.folder / f"freeze-{number}-in"
    folder.mkdir(mode=0o700)
    model = write_input(folder, MODEL_NAMES[type_], canonical)
    result = run_in_jail(attempt, scoring_spec(attempt, model, attempt.state["assembled"]), f"freeze-{number}")
    if result.outcome is not Outcome.SUCCEEDED or "scores.arrow" not in result.outputs:
        return None
    with pa.OSFile(str(attempt.state["assembled"].rows.path), "rb") as source, pa.ipc.open_file(source) as reader:
        rows = reader.read_all()
    margins = read_margins(result.outputs["scores.arrow"])
    trains = np.flatnonzero(rows.column("partition").to_numpy() == 0)
    _, firsts = np.unique(rows.column("subject").to_numpy()[trains], return_index=True)  # a firm counts once
    return freeze_bands(margins[trains[firsts]], DEFAULT.most_bands, DEFAULT.smallest_band)


KIND = CheckKind()
