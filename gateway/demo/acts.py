"""What happens in the demo, act by act. Each act prints its lines and returns what the next one needs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import GloveboxError, NotFound
from gateway.client.api import Json
from gateway.client.packages import keep_package, verify
from gateway.client.project_files import submissions
from gateway.client.uploads import seal_file
from gateway.client.voting import make_statement, sign_vote
from gateway.demo.cast import OFFICERS, PROJECTS
from gateway.demo.stage import Stage
from gateway.demo.world import World
from sandbox.airlock.verify import Verified

REGISTER = "mr_enterprise_base"


def take_in(world: World, stage: Stage, examples: Path, paths: Mapping[str, Path]) -> list[str]:
    """Contracts, features, then one intake job per table."""
    steward = world.people["steward"]
    contracts = sorted((examples / "contracts").glob("*.yaml"))
    for path in contracts:
        steward.put_contract(path.stem, path.read_bytes())
    steward.put_features((examples / "features.yaml").read_bytes())
    names = [path.stem for path in contracts]
    jobs = {name: steward.start_intake(name, *_land(world, name, paths[name]))["job_id"] for name in names}
    read = quarantined = 0
    with stage.progress("checking, desensitising, publishing", len(jobs)) as shown:
        for name, job_id in jobs.items():
            job = world.wait_for_job("steward", job_id)
            figures = succeeded(job)
            read, quarantined = read + figures["rows_read"], quarantined + figures["rows_quarantined"]
            shown.console.print(
                f"  ✓ {name}: [bold]{figures['rows_published']:,}[/bold] rows published, {figures['rows_quarantined']:,} quarantined"
            )
            shown.advance(shown.task_ids[0])
    stage.line("six tables checked, desensitised, published as snapshots", f"{read:,} rows read, {quarantined:,} quarantined")
    stage.figures |= {"rows_read": read, "rows_quarantined": quarantined}
    return names


def _land(world: World, dataset: str, path: Path) -> tuple[str, str]:
    """A department delivers into its own landing folder; only name and hash travel."""
    department = world.people["steward"].dataset(dataset)["department"]
    folder = world.home / "landing" / department
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(path, folder / path.name)
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def load_consents(world: World, path: Path) -> Json:
    """A consent file, sealed on the sender's side."""
    steward = world.people["steward"]
    job = world.wait_for_job("steward", steward.load_consents(REGISTER, seal_file(path, steward.reception()))["job_id"])
    return succeeded(job)


def upload(world: World, stage: Stage, bank: str, name: str, path: Path) -> Json:
    """A cohort, sealed on the bank's side, matched inside."""
    scientist = world.people[f"scientist_{bank[-1]}"]
    project = PROJECTS[bank]["name"]
    answer = scientist.upload_cohort(project, name, REGISTER, seal_file(path, scientist.reception()))
    succeeded(world.wait_for_job(f"scientist_{bank[-1]}", answer["job_id"]))
    cohort = next(c for c in scientist.cohorts(project) if c["id"] == answer["cohort_id"])
    stage.line(f"{bank} uploads {name}, sealed; matched inside", f"{cohort['rows']:,} rows, {cohort['match_rate']:.0%} matched")
    return cohort


def cannot_see(world: World, stage: Stage, cohort: Json) -> None:
    """Bank B asks for Bank A's project, and gets what a project that never was would give."""
    try:
        world.people["scientist_b"].cohorts(PROJECTS["bank_a"]["name"])
    except NotFound as refusal:
        stage.stopped("bank_b asks for bank_a's cohorts", refusal.text().split(";")[0])
        return
    raise AssertionError(f"bank_b could see cohort {cohort['id']}")


def submit(world: World, bank: str, file: Path) -> dict[str, str]:
    """Every step of a project file. Returns job ids by step."""
    scientist = world.people[f"scientist_{bank[-1]}"]
    project = PROJECTS[bank]["name"]
    return {each.spec.step: scientist.submit(project, each.spec.to_json(), each.code)["id"] for each in submissions(file)}


def finish(world: World, stage: Stage, bank: str, jobs: Mapping[str, str]) -> dict[str, Json]:
    with stage.progress(f"{bank}: running in the jail", len(jobs)) as shown:
        ended = {}
        for step, job_id in jobs.items():
            ended[step] = world.wait_for_job(f"scientist_{bank[-1]}", job_id)
            shown.advance(shown.task_ids[0])
    for step, job in ended.items():
        within = job["figures"].get("duration_within_seconds")
        stage.line(f"{bank} {step} ran on a Ray worker in the jail", f"{job['outcome']}" + (f", within {within} s" if within else ""))
    return ended


def request(world: World, bank: str, job_id: str, reason: str) -> Json:
    """Ask for a release and wait for its checks."""
    login = f"scientist_{bank[-1]}"
    made = world.people[login].request_release(job_id, None, reason, True)
    return world.wait_for_release(login, _id(made), "draft", "checking")


def vote(world: World, officer: str, release_id: str) -> None:
    """The officer's own key signs what the ballot says; the platform never holds it."""
    client = world.people[officer]
    statement = make_statement(client.ballot(release_id), "approve")
    client.vote(release_id, sign_vote(statement, world.keys[officer]).to_json(), "figures are coarse, no row leaves")


def approve(world: World, stage: Stage, bank: str, release_id: str) -> Json:
    for officer in OFFICERS:
        vote(world, officer, release_id)
    release = world.wait_for_release(f"scientist_{bank[-1]}", release_id, "one_review", "reviewed", "approved", "signing")
    stage.line("two officers of two organisations signed their votes", f"release {release['state']}")
    return release


def collect(world: World, bank: str, release_id: str, trust: Path) -> Verified:
    """Download, verify offline against the pinned keys, open with the bank's own key."""
    login = f"scientist_{bank[-1]}"
    path = keep_package(world.scratch / f"{release_id}.gbx", world.people[login].package(release_id))
    return verify(path, trust, world.keys[f"approver_{bank[-1]}"], world.scratch / release_id)


def read_scores(verified: Verified) -> dict[str, int]:
    """Band by the bank's own row id."""
    assert verified.files is not None
    rows = csv.DictReader(io.StringIO(verified.files["scores.csv"].decode("ascii")))
    return {row["row_id"]: int(row["band"]) for row in rows}


def read_report(verified: Verified) -> Json:
    assert verified.files is not None
    report: Json = json.loads(verified.files["report.json"])
    return report


def _id(made: Json) -> str:
    return str(made.get("id") or made["release_id"])


def succeeded(job: Json) -> Json:
    """The job's figures. Raises DemoFailed when it ended otherwise."""
    if job["status"] != "succeeded":
        raise DemoFailed(job)
    figures: Json = job["figures"]
    return figures


class DemoFailed(GloveboxError):
    """A step of the demo did not end as it should: the demo stops and says which."""

    exit_code = 1

    def __init__(self, job: Json) -> None:
        why = job.get("why") or {}
        super().__init__("demo.step_failed", kind=job["kind"], status=job["status"], why=why.get("text") or why.get("code", ""))
