"""Which texts of a code feature a job may tell apart: a bank learns the lists with its model, so none may be the mark of a few subjects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog import canonical_json
from catalog.errors import PolicyRefusal
from sandbox.workspace.point_in_time import Matrix

FEWEST_HOLDERS = 10  # distinct subjects; the same floor as for any released count
LARGEST_LISTS = 256 << 10  # bytes of canonical JSON: they are read by officers and travel in a package's manifest


def without_rare_texts(matrix: Matrix, subjects: NDArray[np.int64], pinned: Collection[str]) -> Matrix:
    """A text held by fewer than FEWEST_HOLDERS distinct ``subjects`` (along the rows) becomes missing and leaves its list.

    Positions are counted anew, the order of texts stays. Features of ``pinned`` keep their lists: those come from a job that did this.
    """
    table, lists = matrix.table, dict(matrix.codes)
    for name in sorted(set(lists) - set(pinned)):
        places = np.array(table.column(name).to_numpy(), np.float64)
        kept = _holders(places, subjects, len(lists[name])) >= FEWEST_HOLDERS
        anew = np.where(kept, np.cumsum(kept) - 1.0, np.nan)
        held = ~np.isnan(places)
        places[held] = anew[places[held].astype(np.int64)]
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(places, pa.float64()))
        lists[name] = tuple(text for text, keep in zip(lists[name], kept.tolist(), strict=True) if keep)
    return Matrix(table, lists)


def check_lists_are_short(lists: Mapping[str, Sequence[str]]) -> None:
    """Raises PolicyRefusal naming the feature with the most texts when the lists together are too long for people and manifests."""
    if len(canonical_json.dumps({name: list(texts) for name, texts in lists.items()})) > LARGEST_LISTS:
        longest = max(sorted(lists), key=lambda name: len(lists[name]))
        raise PolicyRefusal("inputs.codes_too_long", feature=longest, limit=LARGEST_LISTS)


def _holders(places: NDArray[np.float64], subjects: NDArray[np.int64], texts: int) -> NDArray[np.int64]:
    """Distinct subjects per position."""
    held = ~np.isnan(places)
    pairs = np.unique(np.column_stack([places[held].astype(np.int64), subjects[held]]), axis=0)
    return np.bincount(pairs[:, 0], minlength=texts).astype(np.int64)
