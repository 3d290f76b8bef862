"""A model's text: what the grammar lets in, what the canonical form keeps, and that nothing hostile crashes or hangs it."""

from __future__ import annotations

import math
import re

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.modelling import forest as evaluator
from sandbox.modelling.canonical import Forest, Tree, emit_model, parse_model
from sandbox.modelling.canonical_scorecard import emit_scorecard, parse_scorecard
from sandbox.modelling.text_grammar import GrammarError

NAMES = ["age_days", "staff", "tax_late", "claims"]
CANARY = "CANARY_91440300MA5EQXL17B"


def trained(**params: object) -> lgb.Booster:
    random = np.random.default_rng(3)
    rows = np.floor(random.random((2_000, 4)) * 16)
    labels = (random.random(2_000) < 0.1 + 0.02 * rows[:, 0]).astype(int)
    rows[random.random(rows.shape) < 0.05] = np.nan
    rows[:, 3] = np.nan_to_num(rows[:, 3])
    data = lgb.Dataset(rows, labels, feature_name=NAMES)
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 20} | params, data, 12)


BOOSTER = trained()
TEXT = BOOSTER.model_to_string()
FOREST = parse_model(TEXT, NAMES)
CANONICAL = emit_model(FOREST)


def probes() -> np.ndarray:
    """Rows between, at and beside every threshold, a third of the values missing, extremes included."""
    random = np.random.default_rng(5)
    thresholds = [t for tree in FOREST.trees for t in tree.threshold if math.isfinite(t)]
    values = np.array([*thresholds, *np.nextafter(thresholds, np.inf), *np.nextafter(thresholds, -np.inf), -1e300, 1e300, 0.0])
    rows = random.choice(values, (3_000, 4))
    rows[random.random(rows.shape) < 0.33] = np.nan
    return rows


def test_canonical_text_predicts_bit_for_bit_the_same() -> None:
    rows = probes()
    again = lgb.Booster(model_str=CANONICAL)
    assert np.array_equal(BOOSTER.predict(rows, raw_score=True), again.predict(rows, raw_score=True))
    assert np.array_equal(BOOSTER.predict(rows), again.predict(rows))


def test_our_evaluator_routes_and_scores_as_lightgbm_does() -> None:
    rows = probes()
    assert np.array_equal(BOOSTER.predict(rows, pred_leaf=True), evaluator.route(FOREST, rows))
    assert np.array_equal(BOOSTER.predict(rows, raw_score=True), evaluator.margin(FOREST, rows))
    assert np.allclose(BOOSTER.predict(rows), evaluator.probability(FOREST, rows), rtol=0, atol=1e-15)


def test_canonical_text_keeps_nothing_about_the_training_rows() -> None:
    for word in ("count", "weight", "gain", "internal", "importance", "parameters", "[0:15]"):
        assert word in TEXT
        assert word not in CANONICAL
    assert "feature_infos=none none none none\n" in CANONICAL
    assert len(CANONICAL) < len(TEXT) / 2


def test_parse_of_emit_is_the_same_forest() -> None:
    assert parse_model(CANONICAL, NAMES) == FOREST
    assert emit_model(parse_model(CANONICAL)) == CANONICAL


def test_a_tree_that_found_no_split_is_a_constant() -> None:
    text = trained(min_data_in_leaf=1_999).model_to_string()
    forest = parse_model(text, NAMES)
    rows = probes()
    assert forest.trees[0].leaves == 1
    assert np.array_equal(lgb.Booster(model_str=emit_model(forest)).predict(rows, raw_score=True), evaluator.margin(forest, rows))


def test_a_missing_value_is_read_as_zero_where_training_saw_none() -> None:
    assert {kind for tree in FOREST.trees for kind in tree.missing} == {"nan", "none"}
    rows = np.full((1, 4), np.nan)
    assert evaluator.margin(FOREST, rows) == BOOSTER.predict(rows, raw_score=True)


def replace_first(pattern: str, replacement: str) -> str:
    changed, count = re.subn(pattern, replacement, CANONICAL, count=1, flags=re.M)
    assert count == 1
    # Sizes are made to fit again, so that the change itself is what is refused.
    blocks = re.findall(r"Tree=\d+\n.*?\n\n\n", changed, flags=re.S)
    return re.sub(r"^tree_sizes=.*$", "tree_sizes=" + " ".join(str(len(block)) for block in blocks), changed, count=1, flags=re.M)


HOSTILE = [
    ("child cycle", r"^left_child=\S+", "left_child=0", "node_reached_twice"),
    ("shared child", r"^left_child=(\S+) (\S+)", r"left_child=\1 \1", "node_reached_twice"),
    ("child out of range", r"^right_child=\S+", "right_child=999999", "index_out_of_range"),
    ("leaf out of range", r"^right_child=\S+", "right_child=-99", "index_out_of_range"),
    ("feature out of range", r"^split_feature=\S+", "split_feature=1000000", "index_out_of_range"),
    ("NaN leaf", r"^leaf_value=\S+", "leaf_value=nan", "not_a_finite_number"),
    ("infinite leaf", r"^leaf_value=\S+", "leaf_value=inf", "not_a_finite_number"),
    ("overflowing leaf", r"^leaf_value=\S+", "leaf_value=1e999", "not_a_finite_number"),
    ("underscored number", r"^leaf_value=\S+", "leaf_value=1_0.5", "not_a_finite_number"),
    ("payload key in a tree", r"^shrinkage=1$", f"shrinkage=1\nnote={CANARY}", "unknown_key"),
    ("repeated key", r"^shrinkage=1$", "shrinkage=1\nshrinkage=1", "repeated_key"),
    ("missing key", r"^num_cat=0\n", "", "missing_key"),
    ("payload key in the header", r"^label_index=0$", f"label_index=0\n{CANARY}=1", "unknown_key"),
    ("average output", r"^label_index=0$", "label_index=0\naverage_output", "unknown_key"),
    ("data in feature names", r"^feature_names=\S+", f"feature_names={CANARY}", "bad_feature_name"),
    ("foreign feature name", r"^feature_names=\S+", "feature_names=secret", "unregistered_feature"),
    ("categories", r"^pandas_categorical:null$", f'pandas_categorical:[["{CANARY}"]]', "unknown_key"),
    ("categorical split", r"^decision_type=\S+", "decision_type=1", "unsupported_split"),
    ("zero as missing", r"^decision_type=\S+", "decision_type=4", "unsupported_split"),
    ("linear leaves", r"^is_linear=0$", "is_linear=1", "unsupported_split"),
    ("more classes", r"^num_class=1$", "num_class=2", "unsupported_model"),
    ("another objective", r"^objective=.*$", "objective=regression", "unsupported_model"),
    ("too few thresholds", r"^threshold=\S+ ", "threshold=", "wrong_length"),
    ("huge tree", r"^num_leaves=\d+", "num_leaves=99999", "index_out_of_range"),
    ("text after the end", r"^pandas_categorical:null$", f"pandas_categorical:null\n{CANARY}", "unknown_key"),
]


@pytest.mark.parametrize(("pattern", "replacement", "code"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_text_is_refused_by_name_and_never_repeated(pattern: str, replacement: str, code: str) -> None:
    with pytest.raises(GrammarError) as refusal:
        parse_model(replace_first(pattern, replacement), NAMES)
    assert refusal.value.code == code
    assert CANARY not in repr(refusal.value) + str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (re.sub(r"tree_sizes=\d+", "tree_sizes=9999", CANONICAL), "tree_sizes_disagree"),
        (re.sub(r"tree_sizes=\d+", "tree_sizes=-5", CANONICAL), "index_out_of_range"),
        (CANONICAL[: len(CANONICAL) // 2], "tree_sizes_disagree"),
        ("", "not_a_model"),
        ("tree\n\n", "missing_key"),
        (CANONICAL.replace("=v4", "=v4\x00"), "control_character"),
        (CANONICAL.replace("=v4", "=v４"), "not_ascii"),
        (TEXT.replace("[boosting: gbdt]", f"[{CANARY.lower()}: 1]"), "unknown_key"),
        (TEXT.replace("age_days=", "payload="), "unregistered_feature"),
    ],
)
def test_broken_or_padded_text_is_refused(text: str, code: str) -> None:
    with pytest.raises(GrammarError) as refusal:
        parse_model(text)
    assert refusal.value.code == code


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_mutation_is_a_model_or_a_refusal(data: st.DataObject) -> None:
    """Bytes replaced, cut or inserted anywhere: no other exception, and what is accepted is inert."""
    text = data.draw(st.sampled_from([CANONICAL, TEXT]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 20))
        text = text[:start] + data.draw(st.text(max_size=8)) + text[start + length :]
        if not text:
            break
    try:
        forest = parse_model(text, NAMES)
    except GrammarError:
        return
    assert parse_model(emit_model(forest), NAMES) == forest


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """Random well-formed forests: each split takes a leaf apart, as growing does."""
    number = st.floats(allow_nan=False, allow_infinity=False, width=64)
    trees = []
    for _ in range(draw(st.integers(1, 3))):
        left: list[int] = []
        right: list[int] = []
        for split in range(draw(st.integers(0, 6))):
            if split:
                leaf = draw(st.integers(0, split))
                for side in (left, right):
                    side[:] = [split if child == ~leaf else child for child in side]
                left.append(~leaf)
            else:
                left.append(~0)
            right.append(~(split + 1))
        size = len(left)
        kinds = draw(st.lists(st.sampled_from(["nan", "none"]), min_size=size, max_size=size))
        trees.append(
            Tree(
                split_feature=tuple(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))),
                threshold=tuple(draw(st.lists(number, min_size=size, max_size=size))),
                default_left=tuple(kind == "none" or draw(st.booleans()) for kind in kinds),
                missing=tuple(kinds),
                left=tuple(left),
                right=tuple(right),
                leaf_value=tuple(draw(st.lists(number, min_size=size + 1, max_size=size + 1))),
            )
        )
    return Forest(tuple(NAMES), tuple(trees))


@settings(max_examples=100, deadline=None)
@given(forests())
def test_every_forest_survives_the_trip_through_text(forest: Forest) -> None:
    assert parse_model(emit_model(forest), NAMES) == forest


@settings(max_examples=40, deadline=None)
@given(forests(), st.integers(0, 2**32 - 1))
def test_lightgbm_routes_every_canonical_forest_as_we_do(forest: Forest, seed: int) -> None:
    random = np.random.default_rng(seed)
    thresholds = [t for tree in forest.trees for t in tree.threshold] or [0.0]
    rows = random.choice(np.array(thresholds), (200, 4)) + random.choice([0.0, 1.0, -1.0, 1e-36, 1e-34], (200, 4))
    rows[random.random(rows.shape) < 0.3] = np.nan
    found = np.asarray(lgb.Booster(model_str=emit_model(forest)).predict(rows, pred_leaf=True)).reshape(200, -1)
    assert np.array_equal(found, evaluator.route(forest, rows))


CARD = (
    '{"base_odds":50.0,"base_score":600.0,"coefficients":[-1.0],"features":[{"edges":[1.5,4.0],"missing_points":0.0,"missing_woe":0.0,'
    '"name":"staff","points":[-14.427,0.0,28.8539],"woe":[-0.5,0.0,1.0]}],"intercept":-1.7,"pdo":20.0,"v":1}\n'
)


def test_a_canonical_scorecard_is_its_own_form() -> None:
    assert emit_scorecard(parse_scorecard(CARD, NAMES)) == CARD


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"v":1', f'"v":1,"{CANARY}":2', "unknown_key"),
        ('"v":1', '"v":1,"v":1', "repeated_key"),
        ('"v":1', '"v":true', "unsupported_model"),
        ('"pdo":20.0,', "", "missing_key"),
        ('"name":"staff"', f'"name":"{CANARY}"', "bad_feature_name"),
        ('"name":"staff"', '"name":"secret"', "unregistered_feature"),
        ("[1.5,4.0]", "[4.0,1.5]", "edges_not_ascending"),
        ("[1.5,4.0]", "[1.5]", "wrong_length"),
        ("-0.5", "-0.512345678", "too_many_digits"),
        ("28.8539", "28.9", "points_disagree"),
        ("-1.7", "NaN", "not_a_finite_number"),
        ("-1.7", "1e999", "not_a_finite_number"),
        ("-1.7", "1" * 5_000, "not_json"),
        ("-1.7", f'"{CANARY}"', "wrong_type"),
        ("-1.7", "[" * 100_000, "not_json"),
    ],
)
def test_a_hostile_scorecard_is_refused_by_name_and_never_repeated(old: str, new: str, code: str) -> None:
    with pytest.raises(GrammarError) as refusal:
        parse_scorecard(CARD.replace(old, new, 1), NAMES)
    assert refusal.value.code == code
    assert CANARY not in str(refusal.value)


def test_a_scorecard_of_too_many_bins_is_refused() -> None:
    edges, weights = list(range(20)), [0.0] * 21
    card = CARD.replace("[1.5,4.0]", str(edges)).replace("[-14.427,0.0,28.8539]", str(weights)).replace("[-0.5,0.0,1.0]", str(weights))
    with pytest.raises(GrammarError) as refusal:
        parse_scorecard(card, NAMES)
    assert refusal.value.code == "too_many_bins"
