"""The main job, end to end over HTTP, Ray and jails: a raw table goes in, a verified model and a score list come out."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace

import pytest

from catalog.errors import PolicyRefusal
from sandbox.store import artefacts

EARLIER = "2025-06-30"  # other features, hence other margins, than at the first scoring
SMALL = 5  # rows left of one band in the second list
SCORECARD = {"algorithm": "scorecard", "max_bins": 3, "min_bin_rows": 200, "max_features": 6}


def list_of(rows):
    return "row_id,uscc,observation_date\n" + "".join(",".join(row) + "\n" for row in rows)


def scores_of(verified):
    rows = list(csv.reader(io.StringIO(verified.files["scores.csv"].decode("ascii"))))
    assert rows[0] == ["row_id", "band"]
    return {row_id: int(band) for row_id, band in rows[1:]}


def hash_of_model(prepared, job_id):
    services = prepared.inside()
    with services.database.reading() as tx:
        found = {a.name: a for a in artefacts.artefacts_of(tx, job_id)}
    services.database.close()
    return found["model"].ref.sha256


@pytest.fixture(scope="module")
def eligible(prepared, withdrawn):
    """Rows of the score list that may get a score, known from the made-up files: in the register, and consented to Bank A."""
    faults = json.loads((prepared.paths["bank_a_cohort"].parents[1] / "faults.json").read_text("utf-8"))["rows"]["mr_enterprise_base"]
    spoilt = {row for kind, rows in faults.items() if kind != "duplicate_row" for row in rows}
    register = prepared.paths["mr_enterprise_base"].read_bytes().decode("gb18030").splitlines()[1:]
    listed = {line.split(",")[1] for line in register if int(line.split(",")[0]) not in spoilt}
    consented = {code for code, bank, *_ in prepared.lines("consents") if bank == "bank_a"} - prepared.withdrawn
    return {row_id for row_id, code, _ in prepared.lines("bank_a_score_list") if code in listed & consented | {withdrawn[1]}}


@pytest.fixture(scope="module")
def withdrawn(prepared):
    """(row id, code) of the firm that takes its consent back between the two votes."""
    (code, *_), *_ = prepared.lines("withdrawal")
    return next(row[0] for row in prepared.lines("bank_a_score_list") if row[1] == code), code


@pytest.fixture(scope="module")
def first(prepared, front_door, approved, withdrawn):
    """The first score list: released after one firm withdrew; (release, scores)."""
    text = prepared.paths["bank_a_score_list"].read_bytes()
    cohort, _ = prepared.upload("a", "score_list", text)
    assert cohort["status"] == "ready", cohort
    job = prepared.run("a", front_door.spec_score(approved["model"]["id"], "score_list"))
    release = prepared.request("a", job["id"])
    prepared.vote("officer_wang", release["id"])
    prepared.withdraw(withdrawn[1])
    prepared.vote("officer_li", release["id"])
    assert prepared.settled("a", release["id"])["state"] == "released"
    return release, scores_of(prepared.collect("a", release["id"]))


def test_a_model_is_released_with_two_votes_and_verified_offline(prepared, approved):
    verified = prepared.collect("a", approved["release"]["id"])
    assert prepared.client("scientist_a").release(approved["release"]["id"])["state"] == "released"
    assert set(verified.files) == {"model.txt", "report.json"}
    report = json.loads(verified.files["report.json"])
    assert 0.6 < report["auc"]["test"] < 0.95
    assert 0.1 < report["ks"] < 0.9
    assert {vote.signature.key_id for vote in verified.manifest.votes} == {
        prepared.world.keys[officer].key_id for officer in ("officer_wang", "officer_li")
    }
    assert verified.files["model.txt"].startswith(b"tree\n")


def test_a_scorecard_takes_the_same_way(prepared, front_door):
    spec = front_door.spec_train("bank_a_cohort", SCORECARD, step="train_scorecard")
    card = replace(front_door.MODEL, path="scorecard.json", type="model.scorecard")
    job = prepared.run("a", replace(spec, outputs=(card, front_door.REPORT)))
    release = prepared.request("a", job["id"])
    assert release["state"] == "submitted", [f["check"] for f in release["findings"] if f["verdict"] == "block"]
    assert prepared.approve("a", release["id"])["state"] == "released"
    assert {"scorecard.json", "report.json"} == set(prepared.collect("a", release["id"]).files)


def test_training_again_gives_the_same_bytes_with_one_and_two_threads(prepared, front_door, approved):
    again = prepared.run("a", front_door.spec_train("bank_a_cohort", cpus=2))
    assert hash_of_model(prepared, again["id"]) == hash_of_model(prepared, approved["job"]["id"])
    seen = prepared.client("officer_wang").release(approved["release"]["id"])
    assert [(f["verdict"], f["value"]) for f in seen["findings"] if f["check"] == "reproduce"] == [("pass", "equal")] * 2


def test_only_the_banks_own_row_ids_leave_and_the_withdrawn_one_is_not_among_them(first, eligible, withdrawn):
    _, scores = first
    assert withdrawn[0] in eligible
    assert set(scores) == eligible - {withdrawn[0]}
    assert all(count >= 10 for count in Counter(scores.values()).values())
    assert 5 <= len(set(scores.values())) <= 20


def test_unmatched_unconsented_and_withdrawn_rows_are_absent_alike(prepared, first, eligible):
    """What the bank is told of the list is a rounded rate and a duration: nothing says why a row is missing."""
    release, scores = first
    listed = {row[0] for row in prepared.lines("bank_a_score_list")}
    assert len(listed - set(scores)) > len(listed) // 20
    cohort = next(c for c in prepared.client("scientist_a").cohorts(release["project_id"]) if c["name"] == "score_list")
    assert cohort["match_rate"] == round(cohort["match_rate"], 2)
    job = prepared.client("scientist_a").job(release["job_id"])
    assert set(job["figures"]) == {"duration_within_seconds"}


@pytest.fixture(scope="module")
def second(prepared, front_door, approved, first, withdrawn):
    """The same firms at an earlier date under other row ids, with all but SMALL rows of one band left out."""
    _, scores = first
    small = min(scores.values())
    codes = {row_id: code for row_id, code, _ in prepared.lines("bank_a_score_list")}
    few = [row_id for row_id in scores if scores[row_id] == small][:SMALL]
    kept = [row_id for row_id in scores if scores[row_id] != small] + few
    rows = [[f"T{row_id}", codes[row_id], EARLIER] for row_id in [*kept, withdrawn[0]]]
    cohort, _ = prepared.upload("a", "second_list", list_of(rows))
    assert cohort["status"] == "ready", cohort
    job = prepared.run("a", front_door.spec_score(approved["model"]["id"], "second_list"))
    release = prepared.request("a", job["id"])
    assert prepared.approve("a", release["id"])["state"] == "released"
    return few, scores_of(prepared.collect("a", release["id"]))


def test_a_second_scoring_in_the_period_returns_the_stored_bands(first, second):
    _, scores = second
    assert len(scores) > 500
    assert scores == {f"T{row_id}": band for row_id, band in first[1].items() if f"T{row_id}" in scores}


def test_a_band_of_one_to_nine_rows_is_withheld(first, second):
    few, scores = second
    smallest = first[1][few[0]]
    assert smallest not in scores.values()
    assert set(scores) == {f"T{row_id}" for row_id, band in first[1].items() if band != smallest}


def test_consent_that_ended_is_missing_from_the_next_list(second, withdrawn):
    assert f"T{withdrawn[0]}" not in second[1]


def test_a_withdrawal_leaves_a_released_model_as_it_was_and_ends_downloads_of_a_list_with_that_firm(prepared, approved, first):
    release, scores = first
    model = prepared.client("scientist_a").package(approved["release"]["id"])
    codes = {row_id: code for row_id, code, _ in prepared.lines("bank_a_score_list")}
    prepared.withdraw(codes[sorted(scores)[-1]])
    assert prepared.client("scientist_a").package(approved["release"]["id"]) == model
    with pytest.raises(PolicyRefusal) as refused:
        prepared.client("scientist_a").package(release["id"])
    assert refused.value.code == "release.consent_changed"


def test_what_a_bank_sees_of_its_jobs_is_phase_outcome_and_a_coarse_duration(prepared, approved):
    """No evidence, no log, no hash; the auditor, who may look, shows that evidence is there."""
    seen = prepared.client("scientist_a").job(approved["job"]["id"])
    assert seen["evidence"] is None
    assert seen["figures"].keys() == {"duration_within_seconds"}
    assert seen["figures"]["duration_within_seconds"] in (10, 30, 60, 300)
    assert not {"log", "stdout", "stderr", "manifest"} & seen.keys()
    assert prepared.client("auditor").job(approved["job"]["id"])["evidence"]["manifest"]["rows_sha256"]
    other = prepared.client("scientist_b").jobs()
    assert approved["job"]["id"] not in [job["id"] for job in other]


SCRIPT = b"""
import json, pathlib
for name in ("rows.csv", "metrics.json", "model.txt"):
    pathlib.Path("/out", name).write_text(json.dumps({"v": 1, "KEEP_ME_UNDECLARED": name}))
print("KEEP_ME_UNDECLARED on standard output")
"""


def test_files_that_were_not_declared_are_gone(prepared, front_door):
    job = prepared.run("b", front_door.spec_script("bank_b_cohort", {"metrics.json": ("metrics", "inside")}), SCRIPT)
    assert (job["status"], job["outcome"]) == ("succeeded", "succeeded"), job
    services = prepared.inside()
    with services.database.reading() as tx:
        assert [a.path for a in artefacts.artefacts_of(tx, job["id"])] == ["metrics.json"]
    assert not list(services.settings.tmpfs_dir.glob(f"{job['id']}*"))
    services.database.close()
    assert prepared.found_in_clear("KEEP_ME_UNDECLARED") == {}
