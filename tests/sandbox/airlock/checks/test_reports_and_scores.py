"""Reports, score lists and scorecards at the gate: the platform's own pass, each kind of excess is a block."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

from catalog.messages import catalogue
from sandbox.airlock.checks import jailed_evidence, jailed_parse
from sandbox.airlock.checks.finding import Verdict
from sandbox.airlock.checks.metrics import limits_of
from sandbox.airlock.checks.verdict import Case, verdict
from sandbox.airlock.examine import Artefact, examine
from sandbox.airlock.policies import DEFAULT
from sandbox.kinds.truth import truth_of
from sandbox.modelling.canonical_scorecard import emit_scorecard
from sandbox.modelling.params import validate_params
from sandbox.modelling.report import build_report
from sandbox.modelling.scorecard import train_scorecard

FEATURES = ["turnover", "arrears"]
CANARY = "CANARY_91440300"


def report():
    """What the platform's own trainer writes about 3,000 made-up rows."""
    random = np.random.default_rng(2)
    labels = (random.random(3_000) < 0.15).astype(np.int8)
    margins = labels + random.normal(0, 1, 3_000)
    return build_report("lightgbm", "test", (margins, labels), (margins, labels), 3_000, {"turnover": 0.123456, "arrears": 0.876544})


def claimed(**changes):
    """An honest script's report: totals alone."""
    return report() | {"roc": [], "gains": [], "importance": []} | changes


def gate(artefact_type, text, origin="train", truth=None, retrained=None):
    data = text.encode()
    canonical, parsed = jailed_parse.examine(artefact_type, data, FEATURES, limits_of(DEFAULT), truth)
    sha256 = hashlib.sha256(data).hexdigest()
    case = Case(artefact_type, origin, sha256, json.dumps(parsed).encode(), retrained_sha256=retrained or sha256)
    return verdict(case, DEFAULT), canonical


def blocks(found):
    return {finding.check for finding in found.of(Verdict.BLOCK)}


def test_the_platforms_report_passes_alone():
    found, canonical = gate("metrics", json.dumps(report()))
    assert blocks(found) == set()
    assert json.loads(canonical) == report()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda r: r | {"max_turnover": 9_144_030.0}, "grammar"),
        (lambda r: r | {"auc": {**r["auc"], CANARY: 1}}, "grammar"),
        (lambda r: r | {"ks": CANARY}, "grammar"),
        (lambda r: r | {"ks": 1.2}, "grammar"),
        (lambda r: r | {"importance": [{"feature": CANARY.lower(), "gain_share": 0.5}]}, "grammar"),
        (lambda r: r | {"ks": 0.41234}, "metric_precision"),
        (lambda r: r | {"importance": [{"feature": "turnover", "gain_share": 0.123}]}, "metric_precision"),
        (lambda r: r | {"rows": {"train": 2101, "test": 900}}, "count_rounding"),
        (lambda r: r | {"gains": [*r["gains"], {"goods": 20, "bads": 5, "bad_rate": 0.2}]}, "class_minimum"),
        (lambda r: r | {"gains": [*r["gains"], {"goods": 10, "bads": 0, "bad_rate": 0.0}]}, "class_minimum"),
        (lambda r: r | {"gains": []}, "class_minimum"),
        (lambda r: r | {"gains": [{"goods": 20, "bads": 20, "bad_rate": 0.123}]}, "metric_consistency"),
        (lambda r: r | {"roc": [{"fpr": k / 500, "tpr": k / 500} for k in range(501)]}, "curve_length"),
        (lambda r: r | {"roc": [{"fpr": 0.0, "tpr": 0.0}, {"fpr": 0.001, "tpr": 0.001}, {"fpr": 1.0, "tpr": 1.0}]}, "curve_steps"),
        (lambda r: r | {"roc": r["roc"][::-1]}, "metric_consistency"),
    ],
)
def test_a_report_that_says_too_much_is_blocked(change, check):
    found, canonical = gate("metrics", json.dumps(change(report())))
    assert check in blocks(found)
    assert CANARY.lower() not in json.dumps(found.to_json()).lower()
    assert (canonical == b"") is (check == "grammar")


def test_a_report_that_a_second_training_did_not_write_is_blocked():
    found, _ = gate("metrics", json.dumps(report()), retrained="0" * 64)
    assert blocks(found) == {"reproduce"}


TRUTH = {"train_rows": 3_000, "test_rows": 3_000, "train_class": 450, "test_class": 450}
# A row's values as counts: each is a multiple of five, large enough, and gives its own bad rate.
HIDDEN_ROWS = [{"goods": 9_144_030, "bads": 9_144_030, "bad_rate": 0.5}, {"goods": 1_775, "bads": 1_775, "bad_rate": 0.5}]


@pytest.mark.parametrize(
    ("changes", "truth", "expected"),
    [
        ({}, TRUTH, set()),
        ({"evaluated_on": "cv", "psi": None}, TRUTH | {"test_class": 0}, set()),
        ({"gains": HIDDEN_ROWS}, TRUTH, {"metrics_unverified"}),
        ({"roc": report()["roc"]}, TRUTH, {"metrics_unverified", "curve_steps"}),
        ({"importance": [{"feature": "turnover", "gain_share": 0.91}]}, TRUTH, {"metrics_unverified"}),
        ({"psi": 914_403.017}, TRUTH, {"metrics_unverified"}),
        ({"rows": {"train": 9_144_030, "test": 3_000}}, TRUTH, {"metrics_rows"}),
        ({"rows": {"train": 3_000, "test": 1_775}}, TRUTH, {"metrics_rows"}),
        ({"ks": 0.41234}, TRUTH, {"metric_precision"}),
        ({}, TRUTH | {"test_class": 9}, {"class_minimum"}),
        ({}, TRUTH | {"train_class": 9}, {"class_minimum"}),
        ({"evaluated_on": "cv"}, TRUTH | {"test_class": 0}, {"class_minimum"}),
        ({}, None, {"check_failed", "class_minimum"}),
    ],
)
def test_a_scripts_report_is_held_against_the_rows(changes, truth, expected):
    found, _ = gate("metrics", json.dumps(claimed(**changes)), origin="script", truth=truth)
    assert blocks(found) == expected
    assert all(finding.hard for finding in found.of(Verdict.BLOCK))
    assert "9144030" not in json.dumps(found.to_json())


def test_a_scripts_true_curves_are_blocked_with_the_way_to_release_them():
    found, _ = gate("metrics", json.dumps(report()), origin="script", truth=TRUTH)
    (finding,) = found.of(Verdict.BLOCK)
    assert finding.check == "metrics_unverified"
    assert all("`train`" in text for text in catalogue()[finding.fix_code].values())


def scores(*sizes):
    rows = [f"r{band}-{row},{band}" for band, size in enumerate(sizes, start=1) for row in range(size)]
    return "row_id,band\n" + "\n".join(reversed(rows)) + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (scores(*[10] * 20), set()),
        (scores(*[10] * 21), {"score_bands"}),
        (scores(50, 9), {"score_band_size"}),
        ("row_id,band\n", {"score_band_size"}),
        (scores(50).replace(",1\n", ",0.123\n", 1), {"grammar"}),
        (scores(50) + "r1-1,1\n", {"grammar"}),
        (scores(50).replace("band", f"band,{CANARY}"), {"grammar"}),
        (scores(50).replace("r1-7", f'"{CANARY}"'), {"grammar"}),
    ],
)
def test_scores_leave_in_few_large_bands(text, expected):
    found, canonical = gate("scores", text, origin="score")
    assert blocks(found) == expected
    assert CANARY not in json.dumps(found.to_json()) + canonical.decode()


def test_the_order_of_scores_carries_nothing():
    _, canonical = gate("scores", scores(10, 10))
    assert canonical.decode().splitlines()[1:] == sorted(canonical.decode().splitlines()[1:])


@pytest.fixture(scope="module")
def lending():
    """4,000 rows with 20 % bads, their grid, and the platform's scorecard on the training part."""
    random = np.random.default_rng(5)
    turnover, arrears = np.round(random.lognormal(3, 1, 4_000), 2), random.integers(0, 5, 4_000).astype(float)
    turnover[random.random(4_000) < 0.1] = np.nan
    risk = -2 + 0.5 * arrears - 0.4 * np.nan_to_num(np.log(turnover), nan=2.0)
    labels = (random.random(4_000) < 1 / (1 + np.exp(-risk))).astype(np.int8)
    grid = {
        "turnover": sorted({round(float(q)) + 0.5 for q in np.nanquantile(turnover, np.linspace(0.1, 0.9, 15))}),
        "arrears": [0.5, 1.5, 2.5, 3.5],
    }
    trains = np.arange(4_000) % 10 < 7
    columns = {"turnover": turnover, "arrears": arrears}
    card = train_scorecard({k: v[trains] for k, v in columns.items()}, labels[trains], grid, validate_params("scorecard", {}))
    assert card is not None
    months = pa.array(np.full(4_000, 202401), pa.int32())
    table = pa.table({**columns, "label": labels, "observation_month": months, "partition": (~trains).astype(np.int8)})
    return emit_scorecard(card.card), grid, table


def scorecard_gate(text, grid, table):
    data, limits = text.encode(), limits_of(DEFAULT)
    canonical, parsed = jailed_parse.examine("model.scorecard", data, FEATURES, limits)
    request = {"type": "model.scorecard", "features": FEATURES, "grid": grid, "limits": limits, "algorithm": "scorecard", "params": {}}
    measured = json.dumps(jailed_evidence.measure(request, canonical, table)).encode() if canonical else None
    sha256 = hashlib.sha256(data).hexdigest()
    case = Case("model.scorecard", "train", sha256, json.dumps(parsed).encode(), measured, sha256, "scorecard", {"min_bin_rows": 50})
    return verdict(case, DEFAULT), canonical


def test_the_platforms_scorecard_passes(lending):
    found, canonical = scorecard_gate(*lending)
    assert blocks(found) == set()
    assert canonical.decode() == lending[0]


def test_a_scorecard_with_a_tiny_bin_is_blocked(lending):
    text, grid, table = lending
    card = json.loads(text)
    feature = next(each for each in card["features"] if each["name"] == "turnover")
    feature["edges"] = [0.91440300, *feature["edges"]]
    feature["woe"] = [feature["woe"][0], *feature["woe"]]
    feature["points"] = [feature["points"][0], *feature["points"]]
    found, _ = scorecard_gate(json.dumps(card), grid, table)
    assert {"smallest_leaf", "bin_class", "threshold_grid"} <= blocks(found)


COUNTED = {"train": 2_800, "test": 1_200}


def sha256(body):
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def test_the_truth_is_counted_from_the_rows(tmp_path):
    partition, label = [0] * 13 + [1] * 7, [1] * 4 + [0] * 9 + [0] * 2 + [1] * 5
    table = pa.table({"label": pa.array(label, pa.int8()), "partition": pa.array(partition, pa.int8())})
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert truth_of(tmp_path / "rows.arrow") == {"train_rows": 15, "test_rows": 5, "train_class": 4, "test_class": 2}


def test_report_scores_and_scorecard_pass_through_the_jails_too(lending, jail_environment, tmp_path):
    text, grid, table = lending
    rows = tmp_path / "rows.arrow"
    with pa.OSFile(str(rows), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    leak = claimed(rows=COUNTED, gains=HIDDEN_ROWS)
    expected = {"card": {"reproduce"}, "leak": {"metrics_unverified"}}  # nobody retrained the card here
    card = Artefact("model.scorecard", tmp_path / "card", "train", FEATURES, grid, rows, "scorecard", {"min_bin_rows": 50})
    for artefact, content in (
        (card, text),
        (Artefact("metrics", tmp_path / "report", "train", FEATURES, retrained_sha256=sha256(report())), json.dumps(report())),
        (Artefact("metrics", tmp_path / "claims", "script", FEATURES, truth=truth_of(rows)), json.dumps(claimed(rows=COUNTED))),
        (Artefact("metrics", tmp_path / "leak", "script", FEATURES, truth=truth_of(rows)), json.dumps(leak)),
        (Artefact("scores", tmp_path / "scores", "score", FEATURES), scores(20, 30)),
    ):
        artefact.path.write_text(content)
        examined = examine(artefact, DEFAULT, jail_environment, tmp_path)
        assert blocks(examined.report) == expected.get(artefact.path.name, set())
        assert examined.canonical
