"""Jobs as the data zone takes them: submit (examined at once), cancel, approve; intake, cohorts and consents start jobs too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog import canonical_json, clock, refusals
from catalog.actors import Actor
from catalog.database import Tx
from catalog.errors import BadInput, Misuse, NotFound, PolicyRefusal, Refused
from catalog.identifiers import is_name, new_id
from catalog.ledger.record import Entry
from catalog.permissions import Permission, check_belongs, check_is_member, check_may, check_owns_department
from catalog.projects import Project, check_project_is_live
from catalog.store import datasets, projects
from engines.intake import store as batches
from engines.intake.job.consent import SCOPE as CONSENT_SCOPE
from engines.intake.matching import check_is_register
from jobs.kinds import load_kind
from jobs.lifecycle import ACTIVE, Event
from jobs.spec import JobSpec
from jobs.store import jobs as store
from sandbox.airlock.rules import code_approval_needed
from sandbox.kinds.script import LARGEST_SCRIPT_BYTES
from sandbox.services import SandboxServices
from sandbox.store import cohorts
from sandbox.workspace.catalogue import contract_of

SUBMITTABLE = ("train", "script", "score")
# Of one project, under all names together, for its whole life: each tells a match rate, a chance to probe who is in the register. Two
# years of monthly cohorts fit; a new name must not buy new chances.
MOST_COHORTS = 24


class JobHandlers:
    """Handlers over one set of services."""

    def __init__(self, services: SandboxServices) -> None:
        self._services = services

    def submit(self, tx: Tx, actor: Actor, body: Mapping[str, Any], attachment: bytes | None) -> dict[str, Any]:
        """``{project_id, spec}``, the attachment is a script's code. A spec that may never run is kept as a refused job."""
        check_may(actor, Permission.JOBS_SUBMIT)
        project = projects.project_by_id(tx, str(body["project_id"]))
        check_is_member(actor, project)
        check_project_is_live(project, clock.now())
        spec = JobSpec.from_json(body["spec"])
        if spec.kind not in SUBMITTABLE:
            raise BadInput("jobs.not_submittable", kind=spec.kind, kinds=", ".join(SUBMITTABLE))
        if not is_name(spec.step):
            raise BadInput("spec.step_name", example="train_trees")
        spec = self._with_code(project, spec, attachment)
        job_id = start_job(tx, actor, spec, organisation_id=project.organisation_id, project_id=project.id, environment=self._environment)
        try:
            load_kind(spec.kind).examine(tx, project.id, spec)
        except (Refused, Misuse) as refusal:
            told = refusals.to_json(refusal)
            store.move(tx, job_id, Event.REFUSE, why={"code": told["code"], "params": told["params"]})
            return {"job_id": job_id, "refused": told}
        self._enqueue(tx, job_id, project)
        return {"job_id": job_id}

    def _enqueue(self, tx: Tx, job_id: str, project: Project) -> None:
        job = store.find(tx, job_id)
        approved = [job.approval_hash] if store.approved_before(tx, project.id, job.approval_hash) else []
        if job.kind == "script" and code_approval_needed(project.code_approval, job.approval_hash, approved):
            store.move(tx, job_id, Event.ASK_APPROVAL, why={"code": "jobs.waiting_for_approval", "params": {"job": job_id}})
        else:
            store.move(tx, job_id, Event.ENQUEUE)

    def _with_code(self, project: Project, spec: JobSpec, code: bytes | None) -> JobSpec:
        if spec.kind != "script":
            return replace(spec, code_sha256="", code_bytes=0)
        if not code:
            raise BadInput("spec.code_missing", step=spec.step, kind=spec.kind)
        if len(code) > LARGEST_SCRIPT_BYTES:
            raise BadInput("script.too_large", step=spec.step, limit=LARGEST_SCRIPT_BYTES)
        ref = self._services.tenant_store.put(project.id, code)
        return replace(spec, code_sha256=ref.sha256, code_bytes=ref.size)

    @property
    def _environment(self) -> str:
        return self._services.jail_environment.name

    def cancel(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        check_may(actor, Permission.JOBS_CANCEL)
        job = self._own_job(tx, actor, body)
        if job.status in ACTIVE:
            store.request_cancel(tx, job.id, record=Entry.by(actor, "job.ask_cancel", job.id))
        else:
            store.move(tx, job.id, Event.CANCEL, actor)
        return {"job_id": job.id}

    def approve(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        return self._decide(tx, actor, body, Event.APPROVE)

    def refuse(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        return self._decide(tx, actor, body, Event.REFUSE)

    def _decide(self, tx: Tx, actor: Actor, body: Mapping[str, Any], event: Event) -> dict[str, Any]:
        check_may(actor, Permission.JOBS_APPROVE)
        job = store.find(tx, str(body["job_id"]))
        check_belongs(actor, job.organisation_id, "job", job.id)
        if job.submitted_by == actor.user_id:
            raise PolicyRefusal("jobs.own_work", job=job.id)
        store.move(tx, job.id, event, actor)
        return {"job_id": job.id}

    def _own_job(self, tx: Tx, actor: Actor, body: Mapping[str, Any]) -> store.Job:
        job = store.find(tx, str(body["job_id"]))
        if job.project_id is None and job.submitted_by == actor.user_id:
            return job
        if job.project_id is None:
            raise NotFound("permissions.not_found", what="job", name=job.id)
        check_is_member(actor, projects.project_by_id(tx, job.project_id))
        return job

    def start_intake(self, tx: Tx, actor: Actor, body: Mapping[str, Any], _attachment: bytes | None) -> dict[str, Any]:
        """``{dataset, file_name, sha256}``: the file itself lies in the department's landing folder."""
        check_may(actor, Permission.INTAKE_RUN)
        dataset = datasets.dataset_by_name(tx, str(body["dataset"]))
        check_owns_department(actor, dataset.department)
        inputs = {"dataset": dataset.name, "file": str(body["file_name"]), "sha256": str(body["sha256"])}
        spec = JobSpec("intake", "intake", inputs=inputs)
        job_id = start_job(tx, actor, spec, organisation_id=actor.organisation_id, project_id=None, environment=self._environment)
        batches.add_batch(
            tx,
            batch_id=new_id("batch"),
            dataset=dataset.name,
            file_name=inputs["file"],
            sha256=inputs["sha256"],
            job_id=job_id,
            received_at=clock.now(),
        )
        store.move(tx, job_id, Event.ENQUEUE)
        return {"job_id": job_id}

    def upload_cohort(self, tx: Tx, actor: Actor, body: Mapping[str, Any], attachment: bytes | None) -> dict[str, Any]:
        """``{project_id, name, dataset}`` with the sealed file. It is opened, checked and matched by a job on the intake side."""
        check_may(actor, Permission.COHORTS_UPLOAD)
        project = projects.project_by_id(tx, str(body["project_id"]))
        check_is_member(actor, project)
        check_project_is_live(project, clock.now())
        dataset = datasets.dataset_by_name(tx, str(body["dataset"]))
        check_is_register(contract_of(tx, dataset.name))
        name = str(body["name"])
        if not is_name(name):
            raise BadInput("cohort.name", example="bank_a_cohort")
        version = cohorts.next_version(tx, project.id, name)
        if cohorts.told_or_waiting(tx, project.id) >= MOST_COHORTS:
            raise PolicyRefusal("cohort.too_many_versions", project=project.name, limit=MOST_COHORTS)
        sealed = self._services.tenant_store.put(project.id, attachment or b"")
        cohort_id = new_id("coh")
        job_id = start_job(
            tx,
            actor,
            JobSpec("match", "match", inputs={"cohort_id": cohort_id}),
            organisation_id=project.organisation_id,
            project_id=project.id,
            environment=self._environment,
        )
        cohort = cohorts.Cohort(
            id=cohort_id,
            organisation_id=project.organisation_id,
            project_id=project.id,
            name=name,
            version=version,
            dataset=dataset.name,
            uploaded_by=actor.user_id,
            status=cohorts.RECEIVED,
            sealed=sealed,
            matched=None,
            rows=None,
            match_rate=None,
            labelled=None,
            refusal=None,
            job_id=job_id,
            uploaded_at=clock.now(),
        )
        entry = Entry.by(actor, "cohort.upload", cohort_id, after=cohorts.RECEIVED, name=name, version=version, sha256=sealed.sha256)
        cohorts.add_cohort(tx, cohort, record=entry)
        store.move(tx, job_id, Event.ENQUEUE)
        return {"cohort_id": cohort_id, "job_id": job_id}

    def load_consents(self, tx: Tx, actor: Actor, body: Mapping[str, Any], attachment: bytes | None) -> dict[str, Any]:
        """``{dataset}`` (whose subjects consent) with the sealed file."""
        check_may(actor, Permission.CONSENTS_MANAGE)
        dataset = datasets.dataset_by_name(tx, str(body["dataset"]))
        check_owns_department(actor, dataset.department)
        ref = self._services.tenant_store.put(CONSENT_SCOPE, attachment or b"")
        spec = JobSpec("consent", "consent", inputs={"dataset": dataset.name, "sha256": ref.sha256, "size": ref.size})
        job_id = start_job(tx, actor, spec, organisation_id=actor.organisation_id, project_id=None, environment=self._environment)
        store.move(tx, job_id, Event.ENQUEUE)
        return {"job_id": job_id}


def start_job(tx: Tx, actor: Actor, spec: JobSpec, *, organisation_id: str, project_id: str | None, environment: str) -> str:
    """A submitted job with its ledger record. Approval binds to code, spec and environment together."""
    job_id = new_id("job")
    approval = hashlib.sha256(canonical_json.dumps([spec.code_sha256, spec.hash, environment])).hexdigest()
    payload = {"kind": spec.kind, "spec": spec.hash, "project": project_id or "", "code": spec.code_sha256}
    record = Entry.by(actor, "job.submit", job_id, after="submitted", **payload)
    store.add_job(
        tx,
        job_id=job_id,
        actor=actor,
        organisation_id=organisation_id,
        project_id=project_id,
        spec=spec,
        approval_hash=approval,
        record=record,
    )
    return job_id
