"""From evidence to a verdict: nothing missing, malformed or borrowed ever passes."""

import json
import re
from pathlib import Path

import pytest

import sandbox.airlock
import sandbox.modelling
from catalog.messages import catalogue
from sandbox.airlock.checks.finding import Verdict
from sandbox.airlock.checks.verdict import Case, verdict
from sandbox.airlock.policies import DEFAULT

A, B = "a" * 64, "b" * 64


def parsed(**changes):
    evidence = {
        "v": 1,
        "type": "model.trees",
        "input_sha256": A,
        "grammar": {"code": None, "where": None},
        "canonical_sha256": B,
        "re_emission": {"probes": 2000, "differing": 0},
        "metrics": None,
        "claims": None,
        "resolution": None,
        "errors": [],
    }
    return json.dumps(evidence | changes).encode()


STRUCTURE = {
    "kind": "trees", "parts": 60, "cells": 600, "splits": 540, "deepest": 4, "parameters": 1740, "rows": 5600, "smallest_cell": 80,
    "small_cells": 0, "empty_cells": 0, "pure_cells": 0, "thin_cells": 0, "off_grid": 0,
}  # fmt: skip
MEMBERSHIP = {
    "loss_auc": 0.51, "quantile_auc": 0.54, "goods_auc": 0.51, "bads_auc": 0.57, "low_fpr_rate": 0.01, "drift_auc": 0.5, "members": 5600,
    "others": 2400,
}  # fmt: skip


def measured(**changes):
    evidence = {
        "v": 1,
        "type": "model.trees",
        "canonical_sha256": B,
        "rows": {"train": 5600, "test": 2400, "subjects": 5600},
        "structure": STRUCTURE,
        "membership": MEMBERSHIP,
        "evaluator": {"rows": 8000, "differing": 0},
        "errors": [],
    }
    return json.dumps(evidence | changes).encode()


def judge(**changes):
    given = {"parsed": parsed(), "measured": measured(), "retrained_sha256": A, "params": {"min_data_in_leaf": 100}}
    return verdict(Case("model.trees", "train", A, **(given | changes)), DEFAULT)


def verdicts(report):
    return {finding.check: str(finding.verdict) for finding in report.findings if finding.verdict is not Verdict.PASS}


def test_a_clean_model_passes_and_names_its_bytes():
    report = judge()
    assert (report.verdict, report.canonical_sha256, verdicts(report)) == (Verdict.PASS, B, {})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"parsed": None}, {"check_failed": "block"}),
        ({"measured": None}, {"check_failed": "block"}),
        ({"measured": b"{"}, {"check_failed": "block"}),
        ({"measured": b"[" * 60_000}, {"check_failed": "block"}),
        ({"measured": b" " * 100_000}, {"check_failed": "block"}),
        ({"measured": measured(extra=1)}, {"check_failed": "block"}),
        ({"measured": measured(membership=None)}, {"check_failed": "block"}),
        ({"measured": measured(structure=None)}, {"check_failed": "block"}),
        ({"measured": measured(canonical_sha256=A)}, {"check_failed": "block"}),
        ({"measured": measured(membership=MEMBERSHIP | {"loss_auc": 1.5})}, {"check_failed": "block"}),
        ({"measured": measured().replace(b"0.51", b"NaN", 1)}, {"check_failed": "block"}),
        ({"measured": measured(errors=[{"check": "membership", "code": "too_few_rows"}])}, {"check_failed": "block"}),
        ({"parsed": parsed(input_sha256=B)}, {"check_failed": "block"}),
        ({"parsed": parsed(type="metrics")}, {"check_failed": "block"}),
        ({"parsed": parsed(re_emission=None)}, {"re_emission": "block"}),
        ({"parsed": parsed(re_emission={"probes": 2000, "differing": 1})}, {"re_emission": "block"}),
        ({"parsed": parsed(grammar={"code": "unknown_key", "where": "tree"}, canonical_sha256=None)}, {"grammar": "block"}),
        ({"retrained_sha256": None}, {"reproduce": "block"}),
        ({"retrained_sha256": B}, {"reproduce": "block"}),
        ({"params": {"min_data_in_leaf": 4}}, {"declared_leaf": "block"}),
        ({"params": {"min_data_in_leaf": 20}}, {"declared_leaf": "review"}),
        ({"params": {}}, {"declared_leaf": "review"}),
        ({"measured": measured(structure=STRUCTURE | {"smallest_cell": 9})}, {"smallest_leaf": "block"}),
        ({"measured": measured(structure=STRUCTURE | {"empty_cells": 1})}, {"unreachable_leaf": "block"}),
        ({"measured": measured(structure=STRUCTURE | {"off_grid": 1})}, {"threshold_grid": "block"}),
        ({"measured": measured(structure=STRUCTURE | {"pure_cells": 1})}, {"pure_leaf": "review"}),
        ({"measured": measured(structure=STRUCTURE | {"deepest": 7})}, {"depth": "review"}),
        ({"measured": measured(structure=STRUCTURE | {"parameters": 5591})}, {"residual_freedom": "review"}),
        (
            {"measured": measured(structure=STRUCTURE | {"kind": "scorecard", "parameters": 5591, "thin_cells": 1})},
            {"residual_freedom": "block", "bin_class": "block"},
        ),
        ({"measured": measured(membership=MEMBERSHIP | {"loss_auc": 0.5501})}, {"membership": "block"}),
        ({"measured": measured(membership=MEMBERSHIP | {"quantile_auc": 0.61})}, {"membership_quantile": "block"}),
        ({"measured": measured(membership=MEMBERSHIP | {"bads_auc": 0.9})}, {"membership_class": "review"}),
        ({"measured": measured(membership=MEMBERSHIP | {"low_fpr_rate": 0.03})}, {"membership_low_fpr": "review"}),
        ({"measured": measured(evaluator={"rows": 8000, "differing": 1})}, {"evaluator": "block"}),
    ],
)
def test_each_fault_has_its_finding(changes, expected):
    assert verdicts(judge(**changes)) == expected


def test_the_worst_comes_first():
    report = judge(retrained_sha256=B, params={"min_data_in_leaf": 20})
    assert [finding.verdict for finding in report.findings[:2]] == [Verdict.BLOCK, Verdict.REVIEW]
    assert report.blocked


def test_hostile_evidence_is_not_repeated():
    report = judge(measured=measured(errors=[{"check": "CANARY 91440300", "code": "x"}]), parsed=b'{"CANARY": 1}')
    assert "CANARY" not in json.dumps(report.to_json())


def test_every_finding_has_its_title_and_advice_in_both_languages():
    for finding in judge().findings:
        for code in (finding.fix_code, finding.fix_code.replace(".fix", ".title")):
            assert set(catalogue()[code]) == {"en", "zh"}
        assert str(finding.limit) in catalogue()[finding.fix_code]["en"].format(limit=finding.limit)


def test_every_refusal_of_a_grammar_has_its_sentence():
    folders = [Path(package.__file__).parent for package in (sandbox.airlock, sandbox.modelling)]
    sources = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    codes = set(re.findall(r"GrammarError\(\s*\"([a-z_]+)\"", sources))
    assert len(codes) > 20
    assert {f"check.grammar.{code}" for code in codes} <= catalogue().keys()


def test_every_check_has_title_and_advice_with_the_limit_alone():
    checks = {code.split(".")[1] for code in catalogue() if code.startswith("check.") and code.endswith(".fix")}
    for check in checks:
        assert set(catalogue()[f"check.{check}.title"]) == {"en", "zh"}
        for text in catalogue()[f"check.{check}.fix"].values():
            assert set(re.findall(r"{(\w+)}", text)) == {"limit"}
