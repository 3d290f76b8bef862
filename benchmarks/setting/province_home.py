"""A home with a synthetic province, one bank's project and its cohort, and the supervisor's process beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from catalog import canonical_json, clock
from catalog.actors import PLATFORM, Actor, Organisation, OrganisationKind, Role, User
from catalog.contract_files import read_contracts
from catalog.contracts import contract_hash
from catalog.database import Tx
from catalog.feature_files import read_features
from catalog.features import field_faults
from catalog.identifiers import new_id
from catalog.keys.sealing import seal_to
from catalog.ledger.record import Entry
from catalog.projects import Grant, Project
from catalog.store import actors, datasets, projects
from examples.province.generate import make_province, write_province
from gateway.composition import build_platform, initialise_home
from jobs.lifecycle import ENDED
from jobs.spec import JobSpec
from jobs.store import jobs as store
from sandbox.store import artefacts

ROOT = Path(__file__).resolve().parents[2]
PROVINCE = ROOT / "examples" / "province"
REGISTER = "mr_enterprise_base"
BANKS = ("bank_a", "bank_b")
COHORT = "cohort"
DISPATCH = "from gateway.cli import main; main()"
POLL_SECONDS = 0.02


class ProvinceHome:
    """Made once per benchmark; ``submit`` and ``finish`` are what a bank's client causes."""

    def __init__(self, folder: Path, firms: int, seed: int = 7) -> None:
        self.home = folder / "home"
        initialise_home(self.home, cohort_floor=100)
        self._province = write_province(make_province(firms, seed), folder / "province")
        self._contracts = read_contracts(PROVINCE / "contracts")
        self.platform = build_platform(self.home)
        with self.platform.database.transaction() as tx:
            self._admit(tx)

    def _admit(self, tx: Tx) -> None:
        for name in (*BANKS, *sorted({c.department for c in self._contracts.values()})):
            kind = OrganisationKind.BANK if name in BANKS else OrganisationKind.DEPARTMENT
            actors.add_organisation(tx, Organisation(name, kind, name, name), record=_entry("organisation.add", name))
        self._steward = _user(tx, "steward", "operator", OrganisationKind.OPERATOR, Role.STEWARD)
        self._scientist = _user(tx, "scientist", "bank_a", OrganisationKind.BANK, Role.SCIENTIST)
        end = clock.now() + timedelta(days=300)
        members = frozenset({self._scientist.user_id})
        self.project = Project(new_id("prj"), "bank_a", "loans", "credit_modelling", "law", "pia", "first loans", end, members)
        projects.add_project(tx, self.project, record=_entry("project.add", self.project.id))
        for name, contract in self._contracts.items():
            text = (PROVINCE / "contracts" / f"{name}.yaml").read_text("utf-8")
            dataset = datasets.Dataset(name, contract.department, contract.version, text, contract_hash(contract))
            datasets.put_dataset(tx, dataset, record=_entry("contract.add", name))
            fields = frozenset(f.name for f in contract.fields if not field_faults(contract, f.name, ""))
            grant = Grant(new_id("grant"), self.project.id, name, fields, end)
            projects.add_grant(tx, grant, "benchmark", record=_entry("grant.add", name))
        for feature in read_features(PROVINCE / "features.yaml", self._contracts):
            document = canonical_json.dumps(feature.to_json()).decode()
            datasets.put_feature(tx, feature.name, document, record=_entry("feature.add", feature.name))

    def fill(self) -> None:
        """Take in all tables, consents and the bank's cohort. A supervisor must be running."""
        started = [self._intake(name) for name in self._contracts]
        for job_id in started:
            self.finish(job_id)
        self.finish(self._write(self._steward, "consent.load", {"dataset": REGISTER}, "consents"))
        cohort = {"project_id": self.project.id, "name": COHORT, "dataset": REGISTER}
        self.finish(self._write(self._scientist, "cohort.upload", cohort, "bank_a_cohort"))

    def _intake(self, name: str) -> str:
        path = self._province[name]
        folder = self.home / "landing" / self._contracts[name].department
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / path.name)
        body = {"dataset": name, "file_name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        return str(self.platform.write(self._steward, "intake.start", body)["job_id"])

    def _write(self, actor: Actor, kind: str, body: dict[str, Any], file: str) -> str:
        sealed = seal_to([self.platform.reception_recipient], self._province[file].read_bytes())
        return str(self.platform.write(actor, kind, body, sealed)["job_id"])

    def submit(self, spec: JobSpec) -> str:
        body = {"project_id": self.project.id, "spec": spec.to_json()}
        return str(self.platform.write(self._scientist, "job.submit", body)["job_id"])

    def job(self, job_id: str) -> store.Job:
        with self.platform.database.reading() as tx:
            return store.find(tx, job_id)

    def finish(self, job_id: str) -> store.Job:
        """Wait for the end. Raises RuntimeError when it is not a success."""
        while (job := self.job(job_id)).status not in ENDED:
            time.sleep(POLL_SECONDS)
        if job.status != "succeeded":
            raise RuntimeError(f"{job.kind} {job.status}: {dict(job.why)}")
        return job

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in read_features(PROVINCE / "features.yaml", self._contracts))

    def model_hash(self, job_id: str) -> str:
        with self.platform.database.reading() as tx:
            return next(a.ref.sha256 for a in artefacts.artefacts_of(tx, job_id) if a.name == "model")

    def waited_ms(self, job_id: str) -> float:
        """From the moment the job was submitted to the moment it was running, as the platform's own rows say."""
        return (self._running_at(job_id) - self.job(job_id).submitted_at).total_seconds() * 1000

    def ran_seconds(self, job_id: str) -> float:
        """From running to its end: the jail, and collecting what it made."""
        ended_at = self.job(job_id).ended_at
        assert ended_at is not None
        return (ended_at - self._running_at(job_id)).total_seconds()

    def _running_at(self, job_id: str) -> datetime:
        with self.platform.database.reading() as tx:
            attempt = store.current_attempt(tx, job_id, store.find(tx, job_id).attempt)
        assert attempt.running_at is not None
        return attempt.running_at

    @contextmanager
    def dispatching(self, runner: str = "ray") -> Iterator[None]:
        """The supervisor's process, started as an operator starts it; returns when it is warm."""
        environment = {**os.environ, "GLOVEBOX_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([sys.executable, "-c", DISPATCH, "dispatch", "--runner", runner], env=environment)
        try:
            while not self._supervised():
                if process.poll() is not None:
                    raise RuntimeError("the supervisor ended")
                time.sleep(POLL_SECONDS)
            yield
        finally:
            process.terminate()
            process.wait()

    def _supervised(self) -> bool:
        with self.platform.database.reading() as tx:
            return store.supervisor_alive(tx, clock.now() - timedelta(seconds=10))

    def close(self) -> None:
        self.platform.database.close()
        shutil.rmtree(self.platform.settings.tmpfs_dir, ignore_errors=True)


def _entry(action: str, name: str) -> Entry:
    return Entry.by(PLATFORM, action, name)


def _user(tx: Tx, login: str, organisation: str, kind: OrganisationKind, role: Role) -> Actor:
    user = User(new_id("user"), organisation, login, login, frozenset({role}))
    actors.add_user(tx, user, "no password", record=_entry("user.add", user.id))
    return Actor(user.id, login, organisation, kind, user.roles)
