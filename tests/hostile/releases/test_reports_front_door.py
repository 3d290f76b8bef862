"""Reports through the front door: a script's lists of numbers stay in, its totals may leave, and the platform's own report leaves alone."""

import pytest

SCRIPT = b"""
import json
import numpy as np, pyarrow as pa

names = json.load(open("/in/request.json"))["features"]
table = pa.ipc.open_file("/in/rows.arrow").read_all()
partition, label = (table.column(name).to_numpy() for name in ("partition", "label"))
fives = lambda count: 5 * int(count / 5 + 0.5)
honest = {
    "v": 1, "algorithm": "lightgbm", "evaluated_on": "test",
    "rows": {"train": fives((partition == 0).sum()), "test": fives((partition == 1).sum())},
    "auc": {"train": 0.701, "test": 0.688}, "ks": 0.301, "gini": 0.376, "psi": 0.012, "roc": [], "gains": [], "importance": [],
}
values = np.nan_to_num(table.column(names[0]).to_numpy().astype(float))[:20]
counts = [max(10, 5 * int(abs(value))) for value in values]
raw = [{"goods": count, "bads": count, "bad_rate": 0.5} for count in counts]
curve = [{"fpr": 0.0, "tpr": 0.0}, {"fpr": 0.4, "tpr": 0.6}, {"fpr": 1.0, "tpr": 1.0}]
bands = [{"goods": 200, "bads": 50, "bad_rate": 0.2}, {"goods": 300, "bads": 50, "bad_rate": 0.143}]
written = {
    "honest.json": honest,
    "raw.json": {**honest, "gains": raw},
    "curves.json": {**honest, "gains": bands, "roc": curve},
    "counts.json": {**honest, "rows": {"train": counts[0] + 10**6, "test": counts[1] + 10**6}},
}
for name, report in written.items():
    json.dump(report, open("/out/" + name, "w"))
"""
BLOCKED = {"honest.json": set(), "raw.json": {"metrics_unverified"}, "curves.json": {"metrics_unverified"}, "counts.json": {"metrics_rows"}}


@pytest.fixture(scope="module")
def written(prepared, front_door):
    """The ended job of Bank B's script that wrote every report of ``BLOCKED``."""
    job = prepared.run("b", front_door.spec_script("bank_b_cohort", dict.fromkeys(BLOCKED, ("metrics", "release"))), SCRIPT)
    assert (job["status"], job["outcome"]) == ("succeeded", "succeeded"), job
    return job["id"]


@pytest.mark.parametrize("name", BLOCKED)
def test_a_scripts_report_leaves_with_totals_alone(prepared, written, name):
    release = prepared.request("b", written, [name.replace(".", "_")])
    found = {finding["check"]: finding for finding in release["findings"] if finding["verdict"] == "block"}
    assert found.keys() == BLOCKED[name]
    assert (release["state"] == "blocked") is bool(BLOCKED[name])
    if "metrics_unverified" in found:
        assert "`train`" in found["metrics_unverified"]["fix"]


def test_the_platforms_report_leaves_without_its_model(prepared, front_door):
    job = prepared.run("b", front_door.spec_train("bank_b_cohort", step="report_alone"))
    release = prepared.request("b", job["id"], ["report"])
    assert {finding["check"] for finding in release["findings"] if finding["verdict"] != "pass"} == set()
    seen = prepared.client("officer_wang").release(release["id"])["findings"]
    assert {"reproduce": "pass", "grammar": "pass"}.items() <= {finding["check"]: finding["verdict"] for finding in seen}.items()
    assert release["state"] != "blocked"
