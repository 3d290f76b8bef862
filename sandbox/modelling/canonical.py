"""The inert form of a boosted-tree model: parse LightGBM's text by a strict grammar, keep what predictions need, write it anew.

Pure Python, linear in the size of the text, no import of LightGBM: its own loader aborts, crashes or loops on hostile text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.modelling.lightgbm_tail import check_tail
from sandbox.modelling.text_grammar import GrammarError, decimal, decode, feature_names, finite, key_values, whole, words

#: Caps of the grammar. A text of 32 MiB parses in a few seconds.
LARGEST_TEXT = 32 << 20
MOST_TREES = 5_000
MOST_LEAVES = 1_024
OBJECTIVE = "binary sigmoid:1"

_HEADER_FIXED = {"version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0", "objective": OBJECTIVE}
_HEADER_REQUIRED = frozenset({*_HEADER_FIXED, "max_feature_idx", "feature_names", "feature_infos", "tree_sizes"})
_HEADER_ALLOWED = _HEADER_REQUIRED | {"monotone_constraints"}
_TREE_REQUIRED = frozenset(
    {"num_leaves", "num_cat", "split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value"}
)
# Per-node figures about the training rows: read by nobody, never written. Their lengths are still checked.
_PER_SPLIT = ("split_gain", "internal_value", "internal_weight", "internal_count")
_PER_LEAF = ("leaf_weight", "leaf_count")
_TREE_ALLOWED = _TREE_REQUIRED | {*_PER_SPLIT, *_PER_LEAF, "is_linear", "shrinkage"}
# LightGBM's decision_type: bit 0 categorical, bit 1 default left, bits 2–3 missing type (0 none, 1 zero, 2 NaN).
_DECISIONS = {"0": (True, "none"), "2": (True, "none"), "8": (False, "nan"), "10": (True, "nan")}


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree of n leaves in LightGBM's encoding: n-1 splits, child ≥ 0 is a split, child < 0 is leaf ``~child``.

    ``x <= threshold`` goes left. ``missing`` is ``"nan"`` (NaN goes to the default side) or ``"none"`` (NaN is read as 0).
    A threshold of +inf, allowed with ``"nan"`` only, splits present from missing. ``shrinkage`` is already inside ``leaf_value``.
    """

    split_feature: Sequence[int]
    threshold: Sequence[float]
    default_left: Sequence[bool]
    missing: Sequence[str]
    left: Sequence[int]
    right: Sequence[int]
    leaf_value: Sequence[float]
    shrinkage: float = 1.0

    @property
    def leaves(self) -> int:
        return len(self.leaf_value)


@dataclass(frozen=True, slots=True)
class Forest:
    """A binary classifier: probability = 1 / (1 + exp(-margin)), margin = the sum of one leaf value per tree."""

    features: tuple[str, ...]
    trees: tuple[Tree, ...]
    objective: str = OBJECTIVE
    average_output: bool = False


def parse_model(text: str, features: Sequence[str] | None = None) -> Forest:
    """Read LightGBM's model text or our own. ``features``: the registered names, which the model must list in that order.

    Raises GrammarError for anything outside the grammar: numeric splits only, one class, finite numbers, every node reached once.
    """
    decode(text.encode("utf-8", "replace"), LARGEST_TEXT)
    head, blank, _ = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != "tree":
        raise GrammarError("not_a_model", "header")
    header = key_values(lines[1:], "header", _HEADER_ALLOWED, _HEADER_REQUIRED)
    names = _header_features(header, features)
    trees, end = _trees(text, len(head) + 2, header["tree_sizes"], len(names))
    check_tail(text[end:], names)
    return Forest(names, trees)


def emit_model(forest: Forest) -> str:
    """The canonical text: LightGBM loads it and predicts bit for bit the same. Raises GrammarError when ``forest`` is malformed."""
    names = feature_names(forest.features, None, "header")
    if forest.objective != OBJECTIVE or forest.average_output or not 1 <= len(forest.trees) <= MOST_TREES:
        raise GrammarError("unsupported_model", "header")
    blocks = [_emit_tree(number, tree, len(names)) for number, tree in enumerate(forest.trees)]
    header = {**_HEADER_FIXED, "max_feature_idx": str(len(names) - 1), "feature_names": " ".join(names)}
    header["feature_infos"] = " ".join("none" for _ in names)
    header["tree_sizes"] = " ".join(str(len(block)) for block in blocks)
    head = "".join(f"{key}={value}\n" for key, value in header.items())
    return "tree\n" + head + "\n" + "".join(blocks) + "end of trees\n\npandas_categorical:null\n"


def check_tree(tree: Tree, features: int) -> None:
    """Lengths, ranges, finite numbers, and every split and leaf reached from the root exactly once. Raises GrammarError."""
    leaves = tree.leaves
    if not 1 <= leaves <= MOST_LEAVES:
        raise GrammarError("too_many_leaves", "tree")
    splits = (tree.split_feature, tree.threshold, tree.default_left, tree.missing, tree.left, tree.right)
    if any(len(column) != leaves - 1 for column in splits):
        raise GrammarError("wrong_length", "tree")
    for value in tree.leaf_value:
        finite(value, "tree")
    for feature, threshold, missing in zip(tree.split_feature, tree.threshold, tree.missing, strict=True):
        if not 0 <= feature < features:
            raise GrammarError("index_out_of_range", "tree")
        if missing not in ("none", "nan"):
            raise GrammarError("unsupported_split", "tree")
        if not (threshold == math.inf and missing == "nan"):
            finite(threshold, "tree")
    _check_shape(tree)


def _check_shape(tree: Tree) -> None:
    leaves = tree.leaves
    seen: set[int] = set()
    waiting = [0] if leaves > 1 else [-1]
    while waiting:
        node = waiting.pop()
        if not -leaves <= node < leaves - 1:
            raise GrammarError("index_out_of_range", "tree")
        if node in seen:
            raise GrammarError("node_reached_twice", "tree")
        seen.add(node)
        if node >= 0:
            waiting.extend((tree.right[node], tree.left[node]))
    if len(seen) != 2 * leaves - 1:
        raise GrammarError("node_never_reached", "tree")


def _header_features(header: dict[str, str], registered: Sequence[str] | None) -> tuple[str, ...]:
    for key, value in _HEADER_FIXED.items():
        if header[key] != value:
            raise GrammarError("unsupported_model", "header")
    names = feature_names(header["feature_names"].split(" "), registered, "header")
    whole(header["max_feature_idx"], "header", len(names) - 1, len(names) - 1)
    for info in words(header["feature_infos"], "header", len(names)):
        _check_info(info)
    if "monotone_constraints" in header:
        for word in words(header["monotone_constraints"], "header", len(names)):
            whole(word, "header", -1, 1)
    return names


def _check_info(info: str) -> None:
    if info == "none":
        return
    low, colon, high = info.removeprefix("[").removesuffix("]").partition(":")
    if not colon or info != f"[{low}:{high}]":
        raise GrammarError("unsupported_feature_info", "header")
    for word in (low, high):
        decimal(word, "header")


def _trees(text: str, start: int, sizes: str, features: int) -> tuple[tuple[Tree, ...], int]:
    """Trees cut by the declared sizes (characters, each block with its two trailing blank lines) and the position after them."""
    declared = sizes.split(" ")
    if len(declared) > MOST_TREES:
        raise GrammarError("too_many_trees", "header")
    trees = []
    for number, word in enumerate(declared):
        end = start + whole(word, "header", 1, LARGEST_TEXT)
        block = text[start:end]
        if not block.startswith(f"Tree={number}\n") or not block.endswith("\n\n\n"):
            raise GrammarError("tree_sizes_disagree", "tree")
        trees.append(_parse_tree(block[:-3].split("\n")[1:], features))
        start = end
    return tuple(trees), start


def _parse_tree(lines: list[str], features: int) -> Tree:
    found = key_values(lines, "tree", _TREE_ALLOWED, _TREE_REQUIRED)
    leaves = whole(found["num_leaves"], "tree", 1, MOST_LEAVES)
    if found["num_cat"] != "0" or found.get("is_linear", "0") != "0":
        raise GrammarError("unsupported_split", "tree")
    _check_dropped(found, leaves)
    decisions = [_decision(word) for word in words(found["decision_type"], "tree", leaves - 1)]
    tree = Tree(
        split_feature=_wholes(found["split_feature"], leaves - 1, 0, features - 1),
        threshold=tuple(_threshold(word) for word in words(found["threshold"], "tree", leaves - 1)),
        default_left=tuple(left for left, _ in decisions),
        missing=tuple(missing for _, missing in decisions),
        left=_wholes(found["left_child"], leaves - 1, -leaves, leaves - 2),
        right=_wholes(found["right_child"], leaves - 1, -leaves, leaves - 2),
        leaf_value=tuple(decimal(word, "tree") for word in words(found["leaf_value"], "tree", leaves)),
    )
    check_tree(tree, features)
    return tree


def _check_dropped(found: dict[str, str], leaves: int) -> None:
    """Figures that are never written out must still be numbers of the right count. LightGBM leaves a lone leaf's weight empty."""
    for keys, count in ((_PER_SPLIT, leaves - 1), (_PER_LEAF, leaves)):
        for key in keys:
            value = found.get(key, "")
            if value:
                for word in words(value, "tree", count):
                    decimal(word, "tree")
    if not 0 < decimal(found.get("shrinkage", "1"), "tree") <= 1:
        raise GrammarError("not_a_finite_number", "tree")


def _wholes(value: str, count: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(whole(word, "tree", low, high) for word in words(value, "tree", count))


def _decision(word: str) -> tuple[bool, str]:
    if word not in _DECISIONS:
        raise GrammarError("unsupported_split", "tree")
    return _DECISIONS[word]


def _threshold(word: str) -> float:
    return math.inf if word == "inf" else decimal(word, "tree")


def _emit_tree(number: int, tree: Tree, features: int) -> str:
    check_tree(tree, features)
    decisions = ("2" if kind == "none" else "10" if left else "8" for kind, left in zip(tree.missing, tree.default_left, strict=True))
    fields = {
        "num_leaves": str(tree.leaves),
        "num_cat": "0",
        "split_feature": " ".join(str(index) for index in tree.split_feature),
        "threshold": " ".join(repr(float(value) + 0.0) for value in tree.threshold),
        "decision_type": " ".join(decisions),
        "left_child": " ".join(str(child) for child in tree.left),
        "right_child": " ".join(str(child) for child in tree.right),
        "leaf_value": " ".join(repr(float(value) + 0.0) for value in tree.leaf_value),
        "is_linear": "0",
        "shrinkage": "1",
    }
    return f"Tree={number}\n" + "".join(f"{key}={value}\n" for key, value in fields.items()) + "\n\n"
