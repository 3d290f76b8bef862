"""Does every word of the glossary name something that exists?"""

import importlib
import re
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
ROW = re.compile(r"^\| [^|]+ \| (?P<term>[^|]+) \| [^|]+ \| `(?P<name>[a-z_][\w.]*)` \|$", re.MULTILINE)
TERMS = [(found["term"], found["name"]) for found in ROW.finditer(GLOSSARY.read_text("utf-8"))]


@pytest.mark.parametrize(("term", "name"), TERMS, ids=[term for term, _ in TERMS])
def test_the_term_names_something_that_exists(term, name):
    module, _, last = name.rpartition(".")
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError:
        found = getattr(importlib.import_module(module), last, None)

    assert found is not None, f"{term}: there is no {name}"


def test_no_row_of_the_tables_is_overlooked():
    rows = [line for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| ")]
    ruled = [line for line in rows if set(line) <= set("|- ") or line.startswith("| 中文")]

    assert len(TERMS) == len(rows) - len(ruled)


def test_no_term_stands_twice():
    terms = [term for term, _ in TERMS]

    assert sorted(set(terms)) == sorted(terms)
