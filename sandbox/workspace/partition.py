"""Which rows a model learns from and which it is judged on. A subject is never on both sides of a random split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput
from sandbox.workspace.inputs import TEST, TRAIN
from sandbox.workspace.point_in_time import Matrix

TEST_SHARE = 0.3
LEFT_OUT = -1
BOUNDS = ("train_from", "train_to", "test_from", "test_to")
LARGEST_TEST_SHARE = 0.9


def check_split(split: Mapping[str, Any], where: str) -> None:
    """``{}``, ``{test_share}``, or ``{field, train_from?, train_to?, test_from?, test_to?}``. Raises BadInput."""
    unknown = sorted(set(split) - {"test_share", "field", *BOUNDS})
    if unknown:
        raise BadInput("spec.unknown_key", where=where, key=unknown[0], known="test_share; or field with " + ", ".join(BOUNDS))
    share = split.get("test_share", TEST_SHARE)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= LARGEST_TEST_SHARE:
        raise BadInput("spec.wrong_type", where=f"{where}.test_share", expected=f"a number from 0 to {LARGEST_TEST_SHARE}")
    bounds = {name: split[name] for name in BOUNDS if name in split}
    if "field" in split:
        if "test_share" in split or not isinstance(split["field"], str) or not bounds:
            raise BadInput(
                "spec.wrong_type", where=f"{where}.field", expected="a declared feature, with at least one bound, without test_share"
            )
    elif bounds:
        raise BadInput("spec.wrong_type", where=where, expected="`field` beside its bounds")
    for name, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadInput("spec.wrong_type", where=f"{where}.{name}", expected="a number")


def hidden_features(split: Mapping[str, Any], features: Sequence[str]) -> tuple[str, ...]:
    """A feature that only splits is read by the platform and not shown to the job."""
    name = split.get("field")
    return () if name is None or name in features else (str(name),)


def partition_rows(split: Mapping[str, Any], topic_ids: Sequence[str], matrix: Matrix) -> NDArray[np.int8]:
    """TRAIN, TEST or LEFT_OUT per row."""
    if "field" in split:
        return _by_field(split, np.asarray(matrix.table.column(split["field"]).to_numpy(), np.float64))
    share = float(split.get("test_share", TEST_SHARE))
    draws = np.array([_draw(topic_id) for topic_id in topic_ids])
    return np.where(draws < share, TEST, TRAIN).astype(np.int8)


def _by_field(split: Mapping[str, Any], values: NDArray[np.float64]) -> NDArray[np.int8]:
    low, high = -np.inf, np.inf
    trains = (values >= split.get("train_from", low)) & (values <= split.get("train_to", high))
    tests = (values >= split.get("test_from", low)) & (values <= split.get("test_to", high))
    if not {"train_from", "train_to"} & set(split):
        trains &= ~tests
    if not {"test_from", "test_to"} & set(split):
        tests &= ~trains
    found = np.full(len(values), LEFT_OUT, np.int8)
    found[tests] = TEST
    found[trains] = TRAIN
    return found


def _draw(topic_id: str) -> float:
    """Uniform in [0, 1), the same for every row of a subject."""
    return int.from_bytes(hashlib.sha256(b"split\0" + topic_id.encode()).digest()[:7]) / 2**56
