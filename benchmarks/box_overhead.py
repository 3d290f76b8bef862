"""What the box costs: one training job through it ÷ the same training run plainly, and how long a job waits before it runs.

Box timer: from before the submit call until the job's row says succeeded (polled every 20 ms). In it: mailbox, queue, claim by the
supervisor's loop, the Ray worker, prepare (consents, point-in-time features, rows written to memory), the jail, collect (vault, manifest).
Plain timer: around one unjailed process that runs the same training code with the same environment, request, threads and rows file.
Assembling the rows is not in it: whoever works plainly has the file already. Interpreter start and imports are in both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.setting.province_home import COHORT, ProvinceHome  # noqa: E402
from jobs.spec import DeclaredOutput, JobSpec, Resources  # noqa: E402
from sandbox.jail.isolation import fixed_variables  # noqa: E402
from sandbox.workspace import environments  # noqa: E402

LARGE_FIRMS, SMALL_FIRMS = 80_000, 1_500
SMALL_JOBS = 24
ROUNDS = 2
SMALL = ("registered_capital", "paid_in_capital", "power_6m", "overdue_days_12m")
TEXTS = ("size_class", "taxpayer_kind", "register_status", "industry")
# Big trees, and so few test rows that the report is cross-validated (six trainings): about a minute on one core.
LARGE_PARAMS = {"num_iterations": 500, "num_leaves": 255, "max_depth": 16, "min_data_in_leaf": 20, "feature_fraction": 1.0}
PLAIN = """
import sys
for optional in ("sklearn", "pandas"):
    sys.modules[optional] = None
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sandbox.modelling.jailed_train import run
run(Path(sys.argv[2]), Path(sys.argv[3]))
"""


def spec(features: tuple[str, ...], params: dict[str, Any], test_share: float) -> JobSpec:
    return JobSpec(
        "train",
        "fit",
        inputs={"cohort": COHORT, "features": list(features)},
        params={"algorithm": "lightgbm", **params},
        split={"test_share": test_share},
        resources=Resources(cpus=1, memory_mb=4096, wall_seconds=1800, disk_mb=256),
        outputs=(
            DeclaredOutput("model", "model.txt", "model.trees", "release"),
            DeclaredOutput("report", "report.json", "metrics", "release"),
        ),
    )


def boxed(home: ProvinceHome, wanted: JobSpec, copy_to: Path | None = None) -> tuple[float, str]:
    """(seconds, job id). ``copy_to`` gets what the jail was given, a few megabytes, for the plain run."""
    started = time.perf_counter()
    job_id = home.submit(wanted)
    if copy_to is not None:
        threading.Thread(target=_copy_inputs, args=(home, job_id, copy_to), daemon=True).start()
    home.finish(job_id)
    return time.perf_counter() - started, job_id


def _copy_inputs(home: ProvinceHome, job_id: str, to: Path) -> None:
    while home.job(job_id).status != "running":
        time.sleep(0.02)
    folder = home.platform.settings.tmpfs_dir / f"{job_id}.1"
    request = folder / "train-0.json"
    while not request.exists() or request.stat().st_mode & 0o777 != 0o444:  # read-only once it is whole
        time.sleep(0.02)
    shutil.copy(folder / "rows.arrow", to / "rows.arrow")
    shutil.copy(request, to / "request.json")


def plainly(environment: Path, inputs: Path, outputs: Path) -> float:
    outputs.mkdir(exist_ok=True)
    variables = {**fixed_variables(1), "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    started = time.perf_counter()
    command = [str(environment / "bin" / "python"), "-I", "-B", "-c", PLAIN, str(ROOT), str(inputs), str(outputs)]
    subprocess.run(command, env=variables, check=True)
    return time.perf_counter() - started


def measure_overhead(folder: Path, firms: int, rounds: int, environment: Path) -> dict[str, float]:
    """The same job and the same process in turn. Raises RuntimeError when their models differ."""
    home = ProvinceHome(folder, firms)
    features = tuple(name for name in home.feature_names if name not in TEXTS)
    wanted = spec(features, LARGE_PARAMS, test_share=0.0001)
    inputs = folder / "inputs"
    inputs.mkdir()
    in_box, ran, plain, waits = [], [], [], []
    with home.dispatching():
        home.fill()
        for number in range(rounds):
            seconds, job_id = boxed(home, wanted, copy_to=inputs if number == 0 else None)
            in_box.append(seconds)
            waits.append(home.waited_ms(job_id))
            ran.append(home.ran_seconds(job_id))
            plain.append(plainly(environment, inputs, folder / "outputs"))
        same = hashlib.sha256((folder / "outputs" / "model.txt").read_bytes()).hexdigest() == home.model_hash(job_id)
    home.close()
    if not same:
        raise RuntimeError("the box and the plain run trained different models")
    return {
        "overhead_ratio": round(statistics.median(in_box) / statistics.median(plain), 3),
        "box_seconds": round(statistics.median(in_box), 2),
        "box_jail_and_collect_seconds": round(statistics.median(ran), 2),
        "plain_seconds": round(statistics.median(plain), 2),
        "large_job_submit_to_running_ms": round(statistics.median(waits)),
    }


def measure_waiting(folder: Path, jobs: int) -> dict[str, float]:
    """Small jobs, one after another, on a warm Ray: from submitted to running by the platform's own rows."""
    home = ProvinceHome(folder, SMALL_FIRMS)
    wanted = spec(SMALL, {"num_iterations": 20}, test_share=0.3)
    waits = []
    with home.dispatching():
        home.fill()
        for _ in range(jobs):
            waits.append(home.waited_ms(boxed(home, wanted)[1]))
    home.close()
    return {
        "submit_to_running_ms": round(statistics.median(waits)),
        "submit_to_running_slowest_ms": round(max(waits)),
        "small_jobs": jobs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--firms", type=int, default=LARGE_FIRMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--small-jobs", type=int, default=SMALL_JOBS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gbbench-") as name:
        folder = Path(name)
        if "GLOVEBOX_ENVIRONMENTS" not in os.environ:
            os.environ["GLOVEBOX_ENVIRONMENTS"] = str(Path(os.environ.get("GLOVEBOX_HOME", ROOT / ".glovebox")) / "environments")
        environment = environments.build(Path(os.environ["GLOVEBOX_ENVIRONMENTS"]), ROOT / "requirements" / "jail.txt")
        (folder / "large").mkdir()
        (folder / "small").mkdir()
        figures = measure_waiting(folder / "small", chosen.small_jobs)
        figures |= measure_overhead(folder / "large", chosen.firms, chosen.rounds, environment)
    context = {
        "firms": chosen.firms,
        "rounds": chosen.rounds,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("glovebox", "ray", "lightgbm")},
    }
    print(json.dumps({"name": "box_overhead", "figures": figures, "context": context}))


if __name__ == "__main__":
    main()
