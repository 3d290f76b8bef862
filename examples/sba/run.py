"""The whole path on real loans: intake, refusals, training in the box, release, verification, and plain LightGBM beside it.

``python -m examples.sba.run --csv PATH``: 22,427 loans of the US Small Business Administration. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
from datetime import timedelta
from pathlib import Path

from catalog.clock import business_date, now
from catalog.errors import BadInput, GloveboxError, PolicyRefusal
from catalog.settings import home_from_environment
from examples.sba.late_columns import late_figures
from examples.sba.plain import known_loans, plain_auc, without_unexplained_codes
from examples.sba.split import read_loans, split_loans
from gateway.cli.output import show_error
from gateway.client.personal_keys import create
from gateway.client.project_files import submissions
from gateway.client.uploads import seal_file, sha256_of_file
from gateway.demo.acts import approve, collect, read_report, request, succeeded
from gateway.demo.cast import OFFICERS, PASSPHRASE, add_person
from gateway.demo.stage import Stage
from gateway.demo.world import World, open_world

HERE = Path(__file__).parent
DATASET, DEPARTMENT, PROJECT = "sba_applications", "SBA", "sba_small_firms"
LATE = ("Term", "ChgOffDate", "ChgOffPrinGr", "DisbursementDate", "DisbursementGross")
IDENTIFIERS = ("LoanNr_ChkDgt", "Name", "Zip")
PEOPLE = {
    "security": ("operator", ["security_administrator"]),
    "steward": ("operator", ["steward"]),
    "officer_wang": ("operator", ["compliance_officer"]),
    "officer_li": (DEPARTMENT, ["compliance_officer"]),
    "scientist_a": ("bank_a", ["scientist"]),
    "approver_a": ("bank_a", ["bank_approver"]),
}


def run(csv: Path, stage: Stage) -> dict[str, object]:
    """Figures of the whole path: auc_boxed, auc_plain, refused_columns and counts."""
    stage.chapter("Real small-firm loans, split as life would")
    home = home_from_environment() / "example-sba"
    world, login, password = open_world(home, "glovebox-sba", cohort_floor=1000)
    try:
        halves = split_loans(read_loans(csv))
        table, cohort = world.scratch / "sba_applications.csv", world.scratch / "bank_cohort.csv"
        halves.applications.write_csv(table)
        halves.cohort.write_csv(cohort)
        stage.line("the department's applications and the bank's outcomes", f"{len(halves.applications):,} and {len(halves.cohort):,}")
        _onboard(world, login, password)
        figures = _publish(world, stage, table)
        refused = _ask_for_refused(world, stage, cohort)
        auc_boxed = _train(world, stage)
    finally:
        world.stop()
    loans = known_loans(csv)
    auc_plain = plain_auc(without_unexplained_codes(loans))
    stage.line("plain LightGBM outside, same columns and parameters", f"test AUC {auc_plain:.4f}")
    stage.line("the same, unexplained codes kept instead of empty", f"test AUC {plain_auc(loans):.4f}")
    stage.line("the box's difference", f"{abs(auc_boxed - auc_plain):.4f}")
    for name, value in late_figures(loans).items():
        stage.line(f"Term is known late: {name.replace('_', ' ')}", f"{value:.3f}")
    return {**figures, "auc_boxed": auc_boxed, "auc_plain": round(auc_plain, 4), "refused_columns": refused}


def _onboard(world: World, login: str, password: str) -> None:
    admin = world.sign_in_first(login, password)
    admin.add_organisation({"id": DEPARTMENT, "kind": "department", "name_zh": "小企业管理局", "name_en": "Small Business Administration"})
    admin.add_organisation({"id": "bank_a", "kind": "bank", "name_zh": "甲银行", "name_en": "Bank A"})
    for name, (organisation, roles) in PEOPLE.items():
        add_person(world, login, name, organisation, roles)
    for name, kind in {**dict.fromkeys(OFFICERS, "officer"), "approver_a": "bank"}.items():
        key = world.keys[name] = create(world.scratch / f"{name}.key.json", kind, PASSPHRASE, name)
        known = world.people[name].register_key(key.public_document())
        world.people["security"].confirm_key(known["key_id"], key.public_document()["fingerprint"])


def _publish(world: World, stage: Stage, table: Path) -> dict[str, object]:
    steward = world.people["steward"]
    steward.put_contract(DATASET, (HERE / "contracts" / f"{DATASET}.yaml").read_bytes())
    steward.put_features((HERE / "features.yaml").read_bytes())
    folder = world.home / "landing" / DEPARTMENT
    folder.mkdir(mode=0o700)
    shutil.copyfile(table, folder / table.name)
    job = world.wait_for_job("steward", steward.start_intake(DATASET, table.name, sha256_of_file(table))["job_id"])
    figures = succeeded(job)
    stage.line("checked, desensitised, published", f"{figures['rows_published']:,} rows, {figures['rows_quarantined']} quarantined")
    ends = (business_date(now()) + timedelta(days=365)).isoformat()
    world.people["security"].add_project(
        {
            "organisation_id": "bank_a",
            "name": PROJECT,
            "purpose": "credit_modelling",
            "legal_basis": "public data of the US Government",
            "impact_assessment": "published under FOIA; no personal borrower",
            "scenario": "approval-time default risk",
            "expires_at": ends,
            "members": ["scientist_a"],
            "code_approval": "none",
        }
    )
    steward.add_grant(_project_id(world), DATASET, ["*"], ends)
    return {"rows_published": figures["rows_published"], "rows_quarantined": figures["rows_quarantined"]}


def _project_id(world: World) -> str:
    return next(str(p["id"]) for p in world.people["security"].projects() if p["name"] == PROJECT)


def _ask_for_refused(world: World, stage: Stage, cohort: Path) -> list[str]:
    """Upload the cohort; then submit the job once for each column it may not have, and take the refusal."""
    scientist = world.people["scientist_a"]
    uploaded = scientist.upload_cohort(PROJECT, "bank_cohort", DATASET, seal_file(cohort, scientist.reception()))
    matched = world.wait_for_job("scientist_a", uploaded["job_id"])
    stage.line("bank_a uploads its outcomes, sealed; matched inside", f"{succeeded(matched)['rows']:,} loans")
    step = submissions(HERE / "glovebox.yaml")[0].spec
    refused = []
    for column in (*LATE, *IDENTIFIERS):
        spec = step.to_json()
        spec["inputs"] = {**spec["inputs"], "features": [*step.inputs["features"], column]}
        try:
            scientist.submit(PROJECT, spec)
        except (PolicyRefusal, BadInput) as refusal:
            stage.stopped(f"a job that asks for {column} is refused", refusal.text())
            refused.append(column)
    return refused


def _train(world: World, stage: Stage) -> float:
    step = submissions(HERE / "glovebox.yaml")[0].spec
    job = world.people["scientist_a"].submit(PROJECT, step.to_json())
    ended = world.wait_for_job("scientist_a", job["id"])
    stage.line("trained in the jail on loans approved up to 2004", ended["outcome"])
    release = request(world, "bank_a", job["id"], "Approval-time columns only; drift between years is real and documented.")
    approve(world, stage, "bank_a", release["id"])
    trust = world.scratch / "trust.json"
    trust.write_text(json.dumps(world.visitor().trust()))
    report = read_report(collect(world, "bank_a", release["id"], trust))
    rows = report["rows"]
    stage.line("downloaded, verified offline, read", f"test AUC {report['auc']['test']:.3f} on about {rows['test']:,} loans of 2005–2006")
    return float(report["auc"]["test"])


def main() -> int:
    parser = argparse.ArgumentParser(description="The whole path on the SBA loans.")
    parser.add_argument("--csv", type=Path, required=True)
    csv = parser.parse_args().csv
    if not csv.is_file():
        print(f"no file {csv}: give the SBA loans with `make example-sba SBA_CSV=PATH`")
        return 2
    stage = Stage()
    try:
        figures = run(csv, stage)
    except GloveboxError as error:
        show_error(error)
        return error.exit_code
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
