"""What the rebuilt rows say of themselves, to hold against what a bank's script says of them in its report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from sandbox.airlock.checks.metrics import Truth
from sandbox.modelling.evaluate import rounded_count
from sandbox.modelling.table import Labels


def truth_of(rows: Path) -> Truth:
    """``rows``: an Arrow IPC file that the platform wrote, with ``label`` {0, 1} and ``partition`` (0 train, 1 test)."""
    with pa.OSFile(str(rows), "rb") as source, pa.ipc.open_file(source) as reader:
        table = reader.read_all().select(["label", "partition"])
    labels, partition = table.column("label").to_numpy(), table.column("partition").to_numpy()
    train, test = labels[partition == 0], labels[partition == 1]
    return Truth(
        train_rows=rounded_count(train.size),
        test_rows=rounded_count(test.size),
        train_class=_smaller_class(train),
        test_class=_smaller_class(test),
    )


def _smaller_class(labels: Labels) -> int:
    bads = int(np.count_nonzero(labels))
    return min(bads, labels.size - bads)
