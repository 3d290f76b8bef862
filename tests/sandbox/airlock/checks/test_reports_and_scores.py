"""Reports, score lists and scorecards at the gate: the platform's own pass, each kind of excess is a block."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

from sandbox.airlock.checks import jailed_evidence, jailed_parse
from sandbox.airlock.checks.finding import Verdict
from sandbox.airlock.checks.metrics import limits_of
from sandbox.airlock.checks.verdict import Case, verdict
from sandbox.airlock.examine import Artefact, examine
from sandbox.airlock.policies import DEFAULT
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


def gate(artefact_type, text, origin="script"):
    data = text.encode()
    canonical, parsed = jailed_parse.examine(artefact_type, data, FEATURES, limits_of(DEFAULT))
    case = Case(artefact_type, origin, hashlib.sha256(data).hexdigest(), json.dumps(parsed).encode())
    return verdict(case, DEFAULT), canonical


def blocks(found):
    return {finding.check for finding in found.of(Verdict.BLOCK)}


def test_the_platforms_report_passes_and_may_come_from_a_script():
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


def test_report_scores_and_scorecard_pass_through_the_jails_too(lending, jail_environment, tmp_path):
    text, grid, table = lending
    rows = tmp_path / "rows.arrow"
    with pa.OSFile(str(rows), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    card = Artefact("model.scorecard", tmp_path / "card", "train", FEATURES, grid, rows, "scorecard", {"min_bin_rows": 50})
    for artefact, content in (
        (card, text),
        (Artefact("metrics", tmp_path / "report", "script", FEATURES), json.dumps(report())),
        (Artefact("scores", tmp_path / "scores", "score", FEATURES), scores(20, 30)),
    ):
        artefact.path.write_text(content)
        examined = examine(artefact, DEFAULT, jail_environment, tmp_path)
        assert blocks(examined.report) == ({"reproduce"} if artefact is card else set())  # nobody retrained the card here
        assert examined.canonical
