"""A small platform with its work cut out, the ``dispatch`` process as an operator runs it, and a hand that stops time at a named state.

To hold a job in a state, the test takes the database's write lock: nobody can take the next step until the lock is let go. No part of the
product knows of these tests.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import canonical_json, clock
from catalog.actors import PLATFORM, Actor, Organisation, OrganisationKind, Role, User
from catalog.contract_files import read_contracts
from catalog.contracts import contract_hash
from catalog.feature_files import read_features
from catalog.features import field_faults
from catalog.identifiers import new_id
from catalog.keys.sealing import seal_to
from catalog.ledger.record import Entry
from catalog.projects import Grant, Project
from catalog.store import actors, datasets, projects
from examples.province.generate import make_province, write_province
from gateway.composition import build_platform, initialise_home
from jobs.attempts import execute
from jobs.lifecycle import ENDED
from jobs.runner import RunState
from jobs.spec import DeclaredOutput, JobSpec, Resources
from jobs.store import jobs as store
from jobs.supervisor import Supervisor
from sandbox.jail.cgroups import find_place, read_own_groups
from sandbox.jail.slots import FIRST_UID, SLOTS
from sandbox.store import artefacts

REGISTER, POWER, PENALTY = "mr_enterprise_base", "pw_electricity_monthly", "cr_penalty"
FIRMS, COHORT_FLOOR, TRAIN_SLOTS = 1500, 100, 4
PATIENCE = 60.0  # what the platform promises after a kill
PROVINCE = Path(__file__).resolve().parents[3] / "examples" / "province"
DISPATCH = "from gateway.cli import main; main()"


class InThisProcess:
    """Runs each attempt at once, where it stands: the quick way to a filled home."""

    slots = 1

    def start(self):
        pass

    def run(self, ref):
        execute(str(self.home), ref.job_id, ref.number)

    def look(self, ref):
        return RunState.ENDED

    def stop(self, ref):
        pass

    close = start


class World:
    """A home with two datasets, a bank's project and its cohort. ``write`` crosses the mailbox as the gateway would."""

    def __init__(self, home, province):
        self.home, self.province = home, province
        self.platform = build_platform(home)
        self.database = self.platform.database

    def job(self, job_id):
        with self.database.reading() as tx:
            return store.find(tx, job_id)

    def artefacts(self, job_id):
        with self.database.reading() as tx:
            return artefacts.artefacts_of(tx, job_id)

    def snapshot(self, dataset):
        with self.database.reading() as tx:
            return datasets.latest_snapshot(tx, dataset)

    def open_intents(self):
        with self.database.reading() as tx:
            return datasets.open_intents(tx)

    def intake(self, dataset, path, department):
        folder = self.home / "landing" / department
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / path.name)
        body = {"dataset": dataset, "file_name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        return self.platform.write(self.steward, "intake.start", body)["job_id"]

    def train(self):
        spec = JobSpec(
            "train",
            "fit",
            inputs={"cohort": "cohort", "features": ["registered_capital", "paid_in_capital", "power_6m", "overdue_days_12m"]},
            params={"algorithm": "lightgbm", "num_iterations": 20, "min_data_in_leaf": 20},
            split={"test_share": 0.3},
            resources=Resources(cpus=1, memory_mb=1024, wall_seconds=120, disk_mb=64),
            outputs=(
                DeclaredOutput("model", "model.txt", "model.trees", "release"),
                DeclaredOutput("report", "report.json", "metrics", "release"),
            ),
        )
        return self.platform.write(self.scientist, "job.submit", {"project_id": self.project.id, "spec": spec.to_json()})["job_id"]

    def finish(self, job_id, patience=PATIENCE):
        until(lambda: self.job(job_id).status in ENDED, patience)
        return self.job(job_id)

    def model_hash(self, job_id):
        return next(a.ref.sha256 for a in self.artefacts(job_id) if a.name == "model")


def until(condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "the platform took longer than it promises"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def world(tmp_path_factory, jail_environment):
    """Built once; jobs of one test do not disturb another's."""
    folder = Path(tempfile.mkdtemp(prefix="gbkill-"))
    before = os.environ.get("GLOVEBOX_ENVIRONMENTS")
    os.environ["GLOVEBOX_ENVIRONMENTS"] = str(jail_environment.parent)
    province = write_province(make_province(FIRMS, 7), folder / "province")
    initialise_home(folder / "home", cohort_floor=COHORT_FLOOR)
    settings = folder / "home" / "settings.toml"
    settings.write_text(settings.read_text().replace("memory_slots = 2", f"memory_slots = {TRAIN_SLOTS}"))
    made = World(folder / "home", province)
    _people(made)
    _fill(made)
    yield made
    made.database.close()
    shutil.rmtree(made.platform.settings.tmpfs_dir, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.pop("GLOVEBOX_ENVIRONMENTS") if before is None else os.environ.update(GLOVEBOX_ENVIRONMENTS=before)


def _entry(action, name):
    return Entry.by(PLATFORM, action, name)


def _people(world):
    def user(login, organisation, kind, role):
        found = User(new_id("user"), organisation, login, login, frozenset({role}))
        actors.add_user(tx, found, "x", record=_entry("user.add", found.id))
        return Actor(found.id, login, organisation, kind, found.roles)

    with world.database.transaction() as tx:
        for name in ("bank_a", "bank_b", "MR", "PW", "CR"):
            kind = OrganisationKind.BANK if name.startswith("bank") else OrganisationKind.DEPARTMENT
            actors.add_organisation(tx, Organisation(name, kind, name, name), record=_entry("organisation.add", name))
        world.steward = user("steward", "operator", OrganisationKind.OPERATOR, Role.STEWARD)
        world.scientist = user("scientist", "bank_a", OrganisationKind.BANK, Role.SCIENTIST)
        members = frozenset({world.scientist.user_id})
        end = clock.now() + timedelta(days=300)
        world.project = Project(new_id("prj"), "bank_a", "loans", "credit_modelling", "law", "pia", "first loans", end, members)
        projects.add_project(tx, world.project, record=_entry("project.add", world.project.id))
        contracts = {name: c for name, c in read_contracts(PROVINCE / "contracts").items() if name in (REGISTER, POWER, PENALTY)}
        for name, contract in contracts.items():
            text = (PROVINCE / "contracts" / f"{name}.yaml").read_text()
            dataset = datasets.Dataset(name, contract.department, contract.version, text, contract_hash(contract))
            datasets.put_dataset(tx, dataset, record=_entry("contract.add", name))
            fields = frozenset(f.name for f in contract.fields if not field_faults(contract, f.name, ""))
            grant = Grant(new_id("grant"), world.project.id, name, fields, end)
            projects.add_grant(tx, grant, "x", record=_entry("grant.add", name))
        for feature in read_features(PROVINCE / "features.yaml", read_contracts(PROVINCE / "contracts")):
            if feature.dataset in contracts:
                document = canonical_json.dumps(feature.to_json()).decode()
                datasets.put_feature(tx, feature.name, document, record=_entry("feature.add", feature.name))


def _fill(world):
    runner = InThisProcess()
    runner.home = world.home
    supervisor = Supervisor(world.platform.services, runner)

    def done(job_id):
        until(lambda: supervisor.tick() or world.job(job_id).status in ENDED)
        assert world.job(job_id).status == "succeeded", world.job(job_id).why

    def sealed(name):
        return seal_to([world.platform.reception_recipient], world.province[name].read_bytes())

    done(world.intake(REGISTER, world.province[REGISTER], "MR"))
    done(world.intake(POWER, world.province[POWER], "PW"))
    done(world.intake(PENALTY, world.province[PENALTY], "CR"))
    done(world.platform.write(world.steward, "consent.load", {"dataset": REGISTER}, sealed("consents"))["job_id"])
    cohort = {"project_id": world.project.id, "name": "cohort", "dataset": REGISTER}
    done(world.platform.write(world.scientist, "cohort.upload", cohort, sealed("bank_a_cohort"))["job_id"])
    undisturbed = world.train()
    done(undisturbed)
    world.undisturbed = world.model_hash(undisturbed)


class Dispatch:
    """The supervisor's process, as ``glovebox dispatch`` starts it."""

    def __init__(self, home, runner):
        self.home = home
        command = [sys.executable, "-c", DISPATCH, "dispatch", "--runner", runner]
        with open(home.parent / "dispatch.log", "ab") as log:
            self.process = subprocess.Popen(command, env={**os.environ, "GLOVEBOX_HOME": str(home)}, stderr=log)

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def descendants(self):
        """pid → (parent, command, uid) of everything below the supervisor."""
        table = processes()
        found, front = {}, {self.pid}
        while front:
            front = {pid for pid, row in table.items() if row[0] in front and pid not in found}
            found |= {pid: table[pid] for pid in front}
        return found

    def children(self):
        """The supervisor's own children: the local runner's workers, or Ray's driver."""
        return [pid for pid, (parent, _, _) in self.descendants().items() if parent == self.pid]

    def named(self, *words):
        return [pid for pid, (_, command, _) in self.descendants().items() if command in words]

    def jailed(self):
        """Pids of jobs' processes: those that run at a slot's uid."""
        return [pid for pid, (_, _, uid) in self.descendants().items() if FIRST_UID <= uid < FIRST_UID + SLOTS]

    def control_groups(self):
        """Folders of the control groups that hold the running jails."""
        bases = find_place().bases.values()
        groups = [read_own_groups(Path(f"/proc/{pid}/cgroup").read_text()) for pid in self.jailed()]
        return {base / Path(group.get("memory", group.get(""))).name for group in groups for base in bases}


@pytest.fixture
def dispatch(world):
    """``dispatch("local")`` starts one; whatever is left of them ends with the test."""
    with _started(world) as start:
        yield start


@pytest.fixture(scope="module")
def dispatches(world):
    """The same, ended with the file."""
    with _started(world) as start:
        yield start


@contextlib.contextmanager
def _started(world):
    started = []

    def start(runner):
        started.append(Dispatch(world.home, runner))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(scope="session")
def wait_for():
    return until


def processes():
    """pid → (parent, command, uid) of every process that has not ended."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                lines = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
                if lines["State"][0] not in "ZX":
                    table[int(entry.name)] = (int(lines["PPid"]), lines["Name"], int(lines["Uid"].split()[0]))
    return table


@pytest.fixture
def frozen(world):
    """``with frozen({job: state}):`` catches the job in that state of its nth attempt; nobody takes another step until the block ends."""

    @contextlib.contextmanager
    def held(wanted, attempt=1, also=lambda: True):
        link = sqlite3.connect(world.home / "glovebox.db", isolation_level=None, timeout=0)
        marks = ",".join("?" * len(wanted))

        def there():
            rows = link.execute(f"SELECT id, status, attempt FROM jobs WHERE id IN ({marks})", list(wanted)).fetchall()
            missed = [job for job, status, _ in rows if status in ENDED]
            assert not missed, f"ended before it could be caught: {missed}"
            return all((status, number) == (wanted[job], attempt) for job, status, number in rows) and also()

        def caught():
            if not there():
                return False
            with contextlib.suppress(sqlite3.OperationalError):
                link.execute("BEGIN IMMEDIATE")
                if there():
                    return True
                link.execute("ROLLBACK")
            return False

        try:
            deadline = time.monotonic() + PATIENCE
            while not caught():
                assert time.monotonic() < deadline, "no such moment"
                time.sleep(0.0005)
            yield
        finally:
            link.close()

    return held


@pytest.fixture
def leaves_nothing(world):
    """Checks that no folder of rows, no process and no control group of a killed attempt is left."""

    def check(pids=(), groups=()):
        folders = world.platform.settings.tmpfs_dir
        until(lambda: not list(folders.glob("job-*")))
        until(lambda: not set(pids) & set(processes()))
        until(lambda: not any(group.exists() for group in groups))

    return check


@pytest.fixture
def kill():
    def send(*pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return send
