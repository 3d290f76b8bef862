"""Is what the guide says these commands print what they print? Figures change from run to run (keys are new each time); words do not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
SBA = ROOT.parent / "shared" / "data" / "sba_loans.csv"
DEMO_FIGURES = {
    *("seconds", "firms", "rows_quarantined", "jobs_succeeded", "jobs_stopped", "releases_approved", "releases_blocked"),
    *("firms_scored", "bands", "consent_excluded", "ledger_ok", "tamper_found"),
}


def words(text: str) -> list[str]:
    """The lines with every figure masked."""
    return [re.sub(r"[0-9][0-9,.]*", "#", line.rstrip()) for line in text.splitlines() if line.strip() and not line.startswith("{")]


def run(command: list[str], home: Path, jail_environment: Path) -> str:
    environment = {**os.environ, "GLOVEBOX_HOME": str(home), "GLOVEBOX_ENVIRONMENTS": str(jail_environment.parent)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_does_the_demo_tell_the_story_of_the_guide(tmp_path, jail_environment):
    figures_file = tmp_path / "demo.json"
    glovebox = [sys.executable, "-c", "from gateway.cli import main; main()"]
    said = run([*glovebox, "demo", "--no-serve", "--json", str(figures_file)], tmp_path / "home", jail_environment)
    assert words(said) == words((GUIDE / "demo.txt").read_text("utf-8"))
    figures = json.loads(figures_file.read_text())
    assert set(figures) >= DEMO_FIGURES
    assert figures["ledger_ok"] is True
    assert figures["tamper_found"] is True
    assert figures["jobs_succeeded"] == 16  # six intakes, two consent files, three cohorts, five steps
    assert (figures["jobs_stopped"], figures["releases_approved"], figures["releases_blocked"]) == (1, 3, 1)
    assert figures["firms_scored"] > 5000
    assert 10 < figures["bands"] <= 20
    assert 0 < figures["consent_excluded"] < figures["firms"]
    assert figures["probe_reached"] == 0


if SBA.exists():  # real loans are no part of the repository

    def test_does_the_example_on_real_loans_print_what_the_guide_says(tmp_path, jail_environment):
        said = run([sys.executable, "-m", "examples.sba.run", "--csv", str(SBA)], tmp_path / "home", jail_environment)
        assert words(said) == words((GUIDE / "example-sba.txt").read_text("utf-8"))
        figures = json.loads(said.splitlines()[-1])
        assert abs(figures["auc_boxed"] - figures["auc_plain"]) <= 0.005
        assert set(figures["refused_columns"]) >= {"Term", "ChgOffDate", "ChgOffPrinGr", "DisbursementDate"}
        assert figures["rows_published"] == 22_427
