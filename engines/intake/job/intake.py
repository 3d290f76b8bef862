"""Kind ``intake``: raw table → inspect → desensitise → publish. Intent is recorded before the table format commits, publication after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from catalog import clock
from catalog.actors import PLATFORM
from catalog.contract_files import parse_contract
from catalog.contracts import DatasetContract
from catalog.database import Database, Tx
from catalog.errors import BadInput, Unavailable
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.store import datasets
from engines.intake import store
from engines.intake.batches import Batch, Published
from engines.intake.ports import IntakeServices
from engines.intake.publish import publish_topic
from engines.intake.quarantine_folder import QuarantineFolder
from jobs.kinds import Attempt, Collected
from jobs.lifecycle import Outcome
from jobs.spec import JobSpec
from sandbox.services import SandboxServices


class IntakeKind:
    name = "intake"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """Started by the platform, which checked what it was asked."""

    def prepare(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        if services.key_agent is None:
            raise Unavailable("intake.no_key_agent")
        with services.database.reading() as tx:
            batch = store.batch_of_job(tx, attempt.job_id)
            dataset = datasets.dataset_by_name(tx, str(attempt.spec.inputs["dataset"]))
        if batch is None:
            raise BadInput("intake.batch_missing", dataset=dataset.name)
        contract = parse_contract(dataset.contract.encode(), f"{dataset.name}.yaml")
        path = landing_path(services, contract, batch.file_name)
        attempt.state["contract_hash"] = dataset.contract_hash
        attempt.state["batch"] = Batch(contract, path, batch.sha256, batch.received_at, attempt.job_id)

    def run(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        batch: Batch = attempt.state["batch"]
        assert services.key_agent is not None
        recorder = _Recorder(services.database, attempt)
        attempt.state["recorder"] = recorder
        attempt.state["published"] = publish_topic(
            IntakeServices(
                environment=services.jail_environment,
                work=attempt.folder,
                key_agent=services.key_agent,
                envelope=services.envelope,
                snapshots=services.topic,
                quarantine=QuarantineFolder(services.settings.quarantine_dir),
                record=recorder,
            ),
            batch,
        )

    def collect(self, attempt: Attempt) -> Collected:
        published: Published = attempt.state["published"]
        batch: Batch = attempt.state["batch"]
        recorder: _Recorder = attempt.state["recorder"]
        inspection = published.inspection
        pin_until = clock.now() + timedelta(days=batch.contract.retention_days)

        def record(tx: Tx) -> None:
            entry = Entry.by(
                PLATFORM, "snapshot.publish", recorder.snapshot_id, before="intended", after="published", **inspection.to_json()
            )
            datasets.publish_snapshot(
                tx,
                recorder.snapshot_id,
                published.snapshot_id,
                published.rows,
                inspection.rows_quarantined,
                pin_until,
                record=entry,
            )
            store.finish_batch(
                tx,
                attempt.job_id,
                snapshot_id=recorder.snapshot_id,
                rows_read=inspection.rows_read,
                rows_quarantined=inspection.rows_quarantined,
                reasons=inspection.reasons,
            )

        figures = {
            "dataset": published.dataset,
            "snapshot": recorder.snapshot_id,
            "rows_read": inspection.rows_read,
            "rows_published": published.rows,
            "rows_quarantined": inspection.rows_quarantined,
            "reasons": dict(inspection.reasons),
        }
        return Collected(Outcome.SUCCEEDED, figures=figures, evidence=inspection.to_json(), record=record)


class _Recorder:
    """Keeps intent and refusal in the metadata; the publication itself is recorded when the attempt's token still counts."""

    def __init__(self, database: Database, attempt: Attempt) -> None:
        self._database = database
        self._attempt = attempt
        self.snapshot_id = ""

    def __call__(self, step: str, batch: Batch, facts: Mapping[str, Any]) -> None:
        if step == "intent":
            self.snapshot_id = self._intend(batch)
        elif step == "refused" and self.snapshot_id:
            with self._database.transaction() as tx:
                entry = Entry.by(PLATFORM, "snapshot.abandon", self.snapshot_id, before="intended", after="abandoned", **facts)
                datasets.abandon_snapshot(tx, self.snapshot_id, record=entry)

    def _intend(self, batch: Batch) -> str:
        """An earlier attempt of this job may have left its intent open: take it over."""
        with self._database.transaction() as tx:
            for intent in datasets.open_intents(tx):
                if intent.tag == batch.batch_id:
                    return intent.id
            snapshot = datasets.Snapshot(
                id=new_id("snap"),
                dataset=batch.contract.name,
                tag=batch.batch_id,
                status=datasets.INTENDED,
                contract_hash=self._attempt.state["contract_hash"],
                batch_sha256=batch.sha256,
                table_snapshot=None,
                rows=None,
                rows_quarantined=None,
                published_at=None,
                pin_until=None,
            )
            entry = Entry.by(PLATFORM, "snapshot.intend", snapshot.id, after="intended", dataset=snapshot.dataset, batch=batch.sha256)
            datasets.intend_snapshot(tx, snapshot, record=entry)
            return snapshot.id


def landing_path(services: SandboxServices, contract: DatasetContract, file_name: str) -> Path:
    """The delivered file in its department's landing folder. Raises BadInput for a name with folders in it or a missing file."""
    if Path(file_name).name != file_name or file_name.startswith("."):
        raise BadInput("intake.file_name", dataset=contract.name)
    path = services.settings.landing_dir / contract.department / file_name
    if not path.is_file() or path.is_symlink():
        raise BadInput("intake.file_not_landed", dataset=contract.name, folder=str(path.parent))
    return path


INTAKE = IntakeKind()
