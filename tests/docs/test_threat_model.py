"""Does every test that the documentation names exist? Found by reading the test files, without running them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THREATS = ROOT / "docs" / "threat-model.md"
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
# `tests/a/test_b.py`, `tests/a/test_b.py::test_c`, and after one of them `::test_d` of the same file.
NAMED = re.compile(r"`(?P<path>tests/[\w/.-]*)?(?:::(?P<name>test_\w+))?`")


def named_tests(document):
    path = ""
    for found in NAMED.finditer(document.read_text("utf-8")):
        path = found["path"] or path
        if found["path"] or found["name"]:
            yield path, found["name"]


def functions_of(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("document", [THREATS, *RECORDS], ids=lambda path: path.stem)
def test_every_test_it_names_exists(document):
    missing = [
        f"{path}::{name}" if name else path
        for path, name in named_tests(document)
        if not (ROOT / path).exists() or (name and name not in functions_of(ROOT / path))
    ]

    assert missing == []


@pytest.mark.parametrize("document", RECORDS, ids=lambda path: path.stem)
def test_every_decision_says_what_enforces_it(document):
    enforced = document.read_text("utf-8").partition("## Enforced by")[2]

    assert "`" in enforced


def test_every_attack_says_what_remains():
    rows = [line for line in THREATS.read_text("utf-8").splitlines() if line.startswith("| ") and not set(line) <= set("|- ")]

    assert len(rows) > 40
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 4, row
        assert all(cells), row
