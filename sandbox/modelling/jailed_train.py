"""Inside the jail: /in/rows.arrow and /in/request.json become /out/model.txt or /out/scorecard.json, and /out/report.json."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

# One thread for linear algebra: its sums, and so a scorecard's digits, then do not depend on the machine's number of cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # LightGBM's threads sleep, not spin, while they wait

from sandbox.modelling.refusal import JobRefused
from sandbox.modelling.request import read_request
from sandbox.modelling.table import labelled_rows, open_table
from sandbox.modelling.training import MODEL_FILES, train

REPORT = "report.json"


def run(inputs: Path, outputs: Path) -> None:
    """Do the job, or write {"refused": {"code", "params"}} as the report and empty models."""
    try:
        request = read_request(inputs / "request.json")
        rows = labelled_rows(open_table(inputs / "rows.arrow"), request.features)
        trained = train(rows, request)
    except JobRefused as refusal:
        write_refusal(outputs, refusal, MODEL_FILES.values())
        return
    (outputs / MODEL_FILES[request.algorithm]).write_text(trained.model_text, "ascii")
    write_json(outputs / REPORT, trained.report)


def write_refusal(outputs: Path, refusal: JobRefused, files: Iterable[str]) -> None:
    """The report says why; ``files`` are left empty, because a jail hands out nothing when a declared file is missing."""
    for name in files:
        (outputs / name).write_bytes(b"")
    write_json(outputs / REPORT, refusal.to_json())


def write_json(path: Path, body: object) -> None:
    path.write_text(json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n", "utf-8")


def main() -> None:
    # LightGBM imports these when it finds them, which takes four times as long as all else it does; training needs neither.
    for optional in ("sklearn", "pandas"):
        sys.modules[optional] = None  # type: ignore[assignment]
    run(Path("/in"), Path("/out"))


if __name__ == "__main__":
    main()
