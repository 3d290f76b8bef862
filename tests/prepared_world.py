"""A small province behind a real front door: a server, its supervisor, Ray, jails; two banks onboarded. Made once per test session.

Loaded by path from conftest.py (tests are no package). Marked values are planted in it, for the tests that look where they went.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from rich.console import Console

from catalog import clock
from catalog.keys import sealing
from catalog.settings import load_settings
from examples.province.generate import make_province, write_province
from gateway.client.api import GloveboxClient, Json
from gateway.client.packages import keep_package, verify
from gateway.client.personal_keys import create
from gateway.client.voting import make_statement, sign_vote
from gateway.composition import build_worker
from gateway.demo import acts
from gateway.demo.cast import PASSPHRASE, PROJECTS, add_person, exchange_keys, grant_all, onboard, open_projects
from gateway.demo.stage import Stage
from gateway.demo.world import World, open_world
from jobs.ray_runner import RayRunner
from jobs.spec import DeclaredOutput, JobSpec, Resources
from sandbox.airlock.verify import Verified

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "province"
FIRMS, SEED, COHORT_FLOOR = 4_000, 11, 150
A, B = PROJECTS["bank_a"]["name"], PROJECTS["bank_b"]["name"]
REASON = "each finding was discussed with the risk department"
FEATURES = [
    *("registered_capital", "sales_6m", "sales_12m", "tax_payable_12m", "insured_heads", "contributions_paid_6m"),
    *("power_6m", "power_12m", "overdue_days_12m", "left_6m"),
]
HONEST = {"algorithm": "lightgbm", "num_iterations": 40, "num_leaves": 4, "max_depth": 2, "min_data_in_leaf": 150, "lambda_l2": 10}
MODEL = DeclaredOutput("model", "model.txt", "model.trees", "release")
REPORT = DeclaredOutput("report", "report.json", "metrics", "release")
EXTRA_OFFICERS = {"officer_zhou": "operator"}  # one more of the operator's
MARKED_NAME, MARKED_PERSON, MARKED_ROW = "金丝雀寻踪记号有限公司（样例）", "钺鸮鹮", "ROW-CANARY-7731"


@dataclass
class Prepared:
    """``paths``: the made-up files by name. ``marked`` is the credit code of the firm whose name, person and row id are marked too."""

    world: World
    paths: Mapping[str, Path]
    trust: Path
    marked: str
    expired_project: str
    withdrawn: set[str] = field(default_factory=set)

    def client(self, login: str) -> GloveboxClient:
        return self.world.people[login]

    def http(self, login: str | None) -> httpx.Client:
        """Bare HTTP with ``login``'s token; nobody's for None."""
        token = "" if login is None else self.client(login)._wire.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=f"{self.world.address}/api/v1", headers=headers, timeout=60)

    def seal(self, text: str | bytes) -> bytes:
        data = text.encode() if isinstance(text, str) else text
        return sealing.seal_to([self.world.visitor().reception()], data)

    def upload(self, bank: str, name: str, text: str | bytes) -> tuple[Json, Json]:
        """(cohort, job), both ended."""
        scientist, project = f"scientist_{bank}", A if bank == "a" else B
        answer = self.client(scientist).upload_cohort(project, name, acts.REGISTER, self.seal(text))
        job = self.world.wait_for_job(scientist, answer["job_id"])
        return next(c for c in self.client(scientist).cohorts(project) if c["id"] == answer["cohort_id"]), job

    def start(self, bank: str, spec: JobSpec, code: bytes | None = None) -> str:
        return str(self.client(f"scientist_{bank}").submit(A if bank == "a" else B, spec.to_json(), code)["id"])

    def run(self, bank: str, spec: JobSpec, code: bytes | None = None) -> Json:
        """The job once it ended."""
        return self.world.wait_for_job(f"scientist_{bank}", self.start(bank, spec, code))

    def request(self, bank: str, job_id: str, outputs: list[str] | None = None, *, removal_allowed: bool = True) -> Json:
        """A release once its checks ended."""
        login = f"scientist_{bank}"
        made = self.client(login).request_release(job_id, outputs, REASON, removal_allowed)
        return self.world.wait_for_release(login, made["id"], "draft", "checking")

    def vote(self, officer: str, release_id: str, decision: str = "approve", **changes: Any) -> Json:
        ballot = {**self.client(officer).ballot(release_id), **changes}
        signed = sign_vote(make_statement(ballot, decision), self.world.keys[officer])
        answer: Json = self.client(officer).vote(release_id, signed.to_json(), "looked at")
        return answer

    def approve(self, bank: str, release_id: str) -> Json:
        for officer in ("officer_wang", "officer_li"):
            self.vote(officer, release_id)
        return self.settled(bank, release_id)

    def settled(self, bank: str, release_id: str) -> Json:
        return self.world.wait_for_release(f"scientist_{bank}", release_id, "one_review", "reviewed", "approved", "signing")

    def collect(self, bank: str, release_id: str) -> Verified:
        """Downloaded, verified offline against what was pinned at the start, opened with the bank's own key."""
        path = keep_package(self.world.scratch / f"{release_id}.gbx", self.client(f"scientist_{bank}").package(release_id))
        return verify(path, self.trust, self.world.keys[f"approver_{bank}"])

    def consents(self, text: str) -> Json:
        """The ended job that loaded them."""
        answer = self.client("steward").load_consents(acts.REGISTER, self.seal(text))
        return self.world.wait_for_job("steward", answer["job_id"])

    def withdraw(self, code: str, bank: str = "bank_a") -> None:
        self.withdrawn.add(code)
        line = f"{code},{bank},credit_modelling,2025-01-01,2036-12-31,withdraw\n"
        assert self.consents("identifier,institution,purpose,valid_from,valid_to,action\n" + line)["status"] == "succeeded"

    def lines(self, name: str) -> list[list[str]]:
        """Rows of one of the made-up files, without its header."""
        return list(csv.reader(io.StringIO(self.paths[name].read_text("utf-8"))))[1:]

    def inside(self) -> Any:
        """The platform's own stores, as this machine's administrator could open them."""
        return _environments(lambda: build_worker(self.world.home))

    def other_folders(self) -> list[Path]:
        return _other_folders(self.world.home)

    def alive(self) -> bool:
        return bool(self.world.visitor().health()["supervisor_alive"]) and self.world.server.poll() is None

    def found_in_clear(self, *marks: str | bytes, outside: tuple[str, ...] = ("landing",)) -> dict[str, list[str]]:
        """Mark → files under the home, in Ray's folder and in the jobs' memory folder that hold it, in the encodings a table may have.

        ``outside``: folders of the home that are left out. Parquet is searched as it is and decoded.
        """
        folders = [path for path in self.world.home.iterdir() if path.name not in outside] + self.other_folders()
        files = [path for folder in folders for path in ([folder] if folder.is_file() else _files(folder))]
        found: dict[str, list[str]] = {}
        for path in files:
            content = _content(path)
            for mark in marks:
                if any(each in content for each in _spellings(mark)):
                    found.setdefault(str(mark), []).append(str(path))
        return found


def spec_train(cohort: str, params: Mapping[str, Any] = HONEST, *, cpus: int = 1, step: str = "train_trees") -> JobSpec:
    inputs = {"cohort": cohort, "features": FEATURES}
    resources = Resources(cpus=cpus, memory_mb=1024, wall_seconds=300)
    return JobSpec("train", step, inputs, dict(params), {"test_share": 0.3}, resources, (MODEL, REPORT))


def spec_script(cohort: str, outputs: Mapping[str, tuple[str, str]], *, wall_seconds: int = 120, step: str = "own_script") -> JobSpec:
    """``outputs``: path → (type, level)."""
    declared = tuple(DeclaredOutput(path.replace(".", "_"), path, type_, level) for path, (type_, level) in outputs.items())
    resources = Resources(memory_mb=1024, wall_seconds=wall_seconds)
    return JobSpec("script", step, {"cohort": cohort, "features": FEATURES}, {}, {"test_share": 0.3}, resources, declared)


def spec_score(model: str, cohort: str) -> JobSpec:
    return JobSpec("score", "score", {"model": model, "cohort": cohort})


@contextmanager
def prepared_world(jail_environment: Path) -> Iterator[Prepared]:
    """Everything once: tables taken in, banks onboarded, grants, keys, consents, cohorts. Ends its server and deletes its folder."""
    folder = Path(tempfile.mkdtemp(prefix="gbw-"))  # short: Ray's sockets must fit into their addresses
    os.environ["GLOVEBOX_TEST_ENVIRONMENTS"] = str(jail_environment.parent)
    try:
        paths, marked = _files_of_the_province(folder / "province")
        world, login, password = _environments(lambda: open_world(folder / "home", "prepared", COHORT_FLOOR))
        others = _other_folders(world.home)
        try:
            yield _onboarded(world, login, password, paths, marked, folder)
        finally:
            world.stop()
            for other in others:
                shutil.rmtree(other, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files_of_the_province(folder: Path) -> tuple[Mapping[str, Path], str]:
    """A firm of Bank A's cohort, spoilt by no fault, gets a name, a person and a row id that stand nowhere else."""
    folder.mkdir(mode=0o700)
    province = make_province(FIRMS, SEED)
    spoilt = {row for rows in province.faults["mr_enterprise_base"].values() for row in rows}
    sound = province.tables["mr_enterprise_base"].filter(~pl.col("src_row_id").is_in(spoilt))
    consented = set(province.banks.consents.filter(pl.col("institution") == "bank_a")["identifier"].to_list())
    cohort = set(province.banks.bank_a_cohort["uscc"].to_list())
    marked = next(code for code in sound["uscc"] if code in cohort & consented)
    here = pl.col("uscc") == marked
    province.tables["mr_enterprise_base"] = province.tables["mr_enterprise_base"].with_columns(
        ent_name=pl.when(here).then(pl.lit(MARKED_NAME)).otherwise("ent_name"),
        legal_rep_name=pl.when(here).then(pl.lit(MARKED_PERSON)).otherwise("legal_rep_name"),
    )
    paths = write_province(province, folder)
    text = paths["bank_a_cohort"].read_text("utf-8")
    row_id = next(line.split(",")[0] for line in text.splitlines() if marked in line)
    paths["bank_a_cohort"].write_text(text.replace(f"{row_id},", f"{MARKED_ROW},"), "utf-8")
    return paths, marked


def _onboarded(world: World, login: str, password: str, paths: Mapping[str, Path], marked: str, folder: Path) -> Prepared:
    stage = Stage(Console(file=io.StringIO()))
    world.scratch = folder / "elsewhere"  # what officers and banks hold is no part of the platform's home
    world.scratch.mkdir(mode=0o700)
    onboard(world, login, password)
    datasets = acts.take_in(world, stage, EXAMPLES, paths)
    open_projects(world)
    grant_all(world, datasets)
    exchange_keys(world)
    _more_officers(world)
    expired = _short_project(world)
    assert acts.load_consents(world, paths["consents"])["granted"] > 0
    acts.upload(world, stage, "bank_a", "bank_a_cohort", paths["bank_a_cohort"])
    acts.upload(world, stage, "bank_b", "bank_b_cohort", paths["bank_b_cohort"])
    trust = world.scratch / "trust.json"
    trust.write_text(_json(world.visitor().trust()))
    return Prepared(world, paths, trust, marked, expired)


def _more_officers(world: World) -> None:
    for login, organisation in EXTRA_OFFICERS.items():
        add_person(world, "admin", login, organisation, ["compliance_officer"])
        world.keys[login] = create(world.scratch / f"{login}.key.json", "officer", PASSPHRASE, login)
        document = world.keys[login].public_document()
        key_id = world.people[login].register_key(document)["key_id"]
        world.people["security"].confirm_key(key_id, document["fingerprint"])


def _short_project(world: World) -> str:
    """Bank A's second project, which ends at once."""
    ends = clock.now() + timedelta(seconds=2)
    facts = {"purpose": "credit_modelling", "legal_basis": "Article 21", "impact_assessment": "PIA-2", "scenario": "a pilot"}
    body = {"organisation_id": "bank_a", "name": "pilot", "members": ["scientist_a"], "expires_at": clock.to_iso(ends), **facts}
    made = world.people["security"].add_project(body)
    time.sleep(max(0.0, (ends - clock.now()).total_seconds()))
    return str(made["id"])


def _other_folders(home: Path) -> list[Path]:
    """What the platform keeps outside its home: Ray's session (logs, sockets) and the jobs' memory folder."""
    settings = load_settings(home)
    return [RayRunner(settings.home).temp_dir.parent, settings.tmpfs_dir]


def _environments(act: Any) -> Any:
    """``act`` with the jail's environment of the test session, which outlives every home."""
    before = os.environ.get("GLOVEBOX_ENVIRONMENTS")
    os.environ["GLOVEBOX_ENVIRONMENTS"] = os.environ["GLOVEBOX_TEST_ENVIRONMENTS"]
    try:
        return act()
    finally:
        del os.environ["GLOVEBOX_ENVIRONMENTS"]
        if before is not None:
            os.environ["GLOVEBOX_ENVIRONMENTS"] = before


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return data + pl.read_parquet(path).write_csv().encode() if path.suffix == ".parquet" else data
    except FileNotFoundError:  # a job ended meanwhile
        return b""


def _spellings(mark: str | bytes) -> list[bytes]:
    if isinstance(mark, bytes):
        return [mark]
    return [mark.encode(), mark.encode("gb18030"), mark.encode("utf-16-le"), ascii(mark)[1:-1].encode()]


def _json(document: Any) -> str:
    import json

    return json.dumps(document)


def approve_a_model(prepared: Prepared) -> dict[str, Json]:
    """Bank A's trees, trained, checked, voted on and released: {job, release, model}."""
    job = prepared.run("a", spec_train("bank_a_cohort"))
    release = prepared.request("a", job["id"])
    assert release["state"] == "submitted", [f["check"] for f in release["findings"] if f["verdict"] == "block"]
    release = prepared.approve("a", release["id"])
    model = next(m for m in prepared.client("scientist_a").models() if m["release_id"] == release["id"])
    return {"job": job, "release": release, "model": model}
