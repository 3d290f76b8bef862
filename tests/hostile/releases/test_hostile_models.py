"""Models that must not leave, and the honest one that must: each ends as said, and no byte of a payload comes out with the verdict."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from catalog.messages import catalogue
from sandbox.airlock.checks.finding import Verdict

CANARY = "CANARY_91440300MA5EQXL17B"


def blocks(examined) -> set[str]:
    return {finding.check for finding in examined.report.of(Verdict.BLOCK)}


def found(examined, check):
    return next(finding for finding in examined.report.findings if finding.check == check)


def resized(text: str) -> str:
    """Tree sizes made to fit, so that only the change itself can be refused."""
    sizes = " ".join(str(len(block)) for block in re.findall(r"Tree=\d+\n.*?\n\n\n", text, flags=re.S))
    return re.sub(r"^tree_sizes=.*$", "tree_sizes=" + sizes, text, count=1, flags=re.M)


def assert_silent(examined, canary: str = CANARY) -> None:
    """The canary is nowhere: not in the report, its advice, the canonical bytes or any representation."""
    said = json.dumps(examined.report.to_json()) + repr(examined)
    said += "".join(str(catalogue()[finding.fix_code]) for finding in examined.report.findings)
    assert canary.lower() not in said.lower()
    assert canary.encode().lower() not in examined.canonical.lower()


def test_an_honest_model_passes_every_hard_check(gate, province):
    text = province.honest()
    examined = gate(text)
    assert blocks(examined) == set()
    assert examined.canonical == text.encode()
    assert found(examined, "smallest_leaf").value >= 50
    assert found(examined, "membership").value < 0.53
    assert found(examined, "reproduce").verdict is Verdict.PASS


def test_1_an_overfit_model_is_blocked_three_ways(gate, province):
    params = {"min_data_in_leaf": 1, "num_leaves": 127, "max_depth": 16, "lambda_l2": 0.0}
    examined = gate(province.plain(num_leaves=127, min_data_in_leaf=1, min_sum_hessian_in_leaf=0), params=params)
    assert {"smallest_leaf", "membership", "membership_quantile", "declared_leaf"} <= blocks(examined)
    assert found(examined, "smallest_leaf").value == 1
    assert found(examined, "residual_freedom").value < 0
    assert found(examined, "residual_freedom").verdict is Verdict.REVIEW


def test_2_lightgbm_defaults_fail_on_routed_counts_though_they_declare_20(judged, province):
    params = {"min_data_in_leaf": 20, "num_leaves": 31, "max_depth": 16, "learning_rate": 0.1, "lambda_l2": 0.0}
    examined = judged(province.plain(min_data_in_leaf=20), params=params)
    smallest = found(examined, "smallest_leaf")
    assert smallest.verdict is Verdict.BLOCK
    assert 0 < smallest.value < 10
    assert found(examined, "membership_class").verdict is Verdict.REVIEW
    assert found(examined, "membership").value < 0.58  # the overall attack hides the rare class


def test_6_forged_leaf_counts_are_not_believed(gate, province):
    text = province.plain(num_leaves=127, min_data_in_leaf=1, min_sum_hessian_in_leaf=0, rounds=5)

    def forge(match: re.Match[str]) -> str:
        leaves = int(match[1])
        return f"num_leaves={leaves}\nleaf_count={' '.join(['1000'] * leaves)}\n"

    forged = resized(re.sub(r"^num_leaves=(\d+)\n", forge, text, flags=re.M))
    assert "leaf_count=1000 1000" in forged
    examined = gate(forged)
    assert found(examined, "smallest_leaf").verdict is Verdict.BLOCK
    assert found(examined, "smallest_leaf").value == 1
    assert b"leaf_count" not in examined.canonical


PAYLOADS = {
    "a payload key in a tree": (r"^shrinkage=1$", f"shrinkage=1\nnote={CANARY}"),
    "a payload key in the header": (r"^label_index=0$", f"label_index=0\nnote={CANARY}"),
    "data in feature names": (r"^feature_names=\S+", f"feature_names={CANARY.lower()}"),
    "data in categories": (r"^pandas_categorical:null$", f'pandas_categorical:[["{CANARY}"]]'),
    "data behind the end": (r"^end of trees$", f"end of trees\n\n{CANARY}"),
}
BROKEN = {
    "a child cycle": (r"^left_child=\S+", "left_child=0"),
    "an index out of range": (r"^right_child=\S+", "right_child=100000"),
    "a feature out of range": (r"^split_feature=\S+", "split_feature=1000000"),
    "a NaN leaf": (r"^leaf_value=\S+", "leaf_value=nan"),
}


def changed(text: str, pattern: str, replacement: str) -> str:
    result, count = re.subn(pattern, replacement, text, count=1, flags=re.M)
    assert count == 1
    return resized(result)


@pytest.mark.parametrize("case", [*PAYLOADS, *BROKEN])
def test_7_and_8_payloads_and_broken_trees_never_get_past_the_grammar(judged, province, case):
    examined = judged(changed(province.honest(num_iterations=5), *(PAYLOADS | BROKEN)[case]))
    assert "grammar" in blocks(examined)
    assert examined.canonical == b""
    assert_silent(examined)


@pytest.mark.parametrize("case", ["a payload key in a tree", "a child cycle"])
def test_7_and_8_through_jails_the_gate_stays_alive(through_jails, province, case):
    honest = province.honest(num_iterations=5)
    examined = through_jails(changed(honest, *(PAYLOADS | BROKEN)[case]))
    assert "grammar" in blocks(examined)
    assert examined.canonical == b""
    assert_silent(examined)
    assert through_jails(honest).canonical == honest.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 1_000,
        CANARY.encode(),
        b"tree\n" + b"a=" * 2_000_000,
        "模型".encode(),
        b"tree\nversion=v4\n" + b"tree_sizes=" + b"1 " * 500_000 + b"\n\n",
    ],
    ids=["empty", "zeros", "prose", "one long line", "Chinese", "a million sizes"],
)
def test_8_rubbish_is_a_finding(judged, data):
    examined = judged(data)
    assert "grammar" in blocks(examined)
    assert_silent(examined)


def test_8_bad_tree_sizes_are_refused_before_lightgbm_sees_them(gate, province):
    text = province.honest(num_iterations=5)
    examined = gate(re.sub(r"tree_sizes=\d+", "tree_sizes=77", text))
    assert found(examined, "grammar").value == "tree_sizes_disagree"


def test_7_a_leaf_nobody_reaches_cannot_carry_values(gate, province):
    """Below ``field_0 <= edge`` the same question again: its right side is empty and its value free."""
    edge = province.grid["field_0"][3]
    tree = (
        "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 0\n"
        f"threshold={edge!r} {edge!r}\ndecision_type=10 10\nleft_child=1 -1\nright_child=-3 -2\n"
        "leaf_value=-1.5 9.144030057 -1.2\nis_linear=0\nshrinkage=1\n\n\n"
    )
    head = province.honest(num_iterations=1).split("Tree=0")[0]
    examined = gate(resized(head + tree + "end of trees\n\npandas_categorical:null\n"))
    assert {"unreachable_leaf", "smallest_leaf"} <= blocks(examined)
    assert found(examined, "unreachable_leaf").value == 1
    assert_silent_numbers(examined, "9.144030057")


def assert_silent_numbers(examined, number: str) -> None:
    assert number not in json.dumps(examined.report.to_json())


def test_thresholds_between_grid_edges_are_blocked(judged, province):
    edge = repr(province.grid["field_0"][3])
    text = province.honest()
    assert edge in text
    examined = judged(resized(text.replace(edge, repr(float(edge) + 0.00091440300))))
    assert "threshold_grid" in blocks(examined)


def test_leaves_count_subjects_and_not_rows(judged, province):
    """A thousand rows of one firm are one subject."""
    text = province.honest()
    many_rows_few_firms = np.arange(len(province.labels)) // 1_000
    examined = judged(text, subjects=many_rows_few_firms)
    assert found(examined, "smallest_leaf").verdict is Verdict.BLOCK
    assert found(examined, "smallest_leaf").value < 10 <= found(judged(text), "smallest_leaf").value


def test_a_scripts_own_model_is_checked_in_full_and_never_exported(gate, province):
    examined = gate(province.honest(), origin="script")
    assert blocks(examined) == {"model_origin"}
    assert found(examined, "smallest_leaf").verdict is Verdict.PASS
    assert found(examined, "membership").verdict is Verdict.PASS
