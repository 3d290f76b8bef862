"""How the code reads: every module says what it is for, no file grows into a service that does everything, names say something."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("catalog", "jobs", "sandbox", "engines", "gateway")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(params=MODULES, ids=name_of)
def module(request):
    text = request.param.read_text("utf-8")
    return request.param, text, ast.parse(text)


def test_it_opens_by_saying_what_it_is_for(module):
    _, _, tree = module
    said = ast.get_docstring(tree)
    assert said
    assert len(said.splitlines()) <= 25


def test_it_is_not_longer_than_one_reads(module):
    _, text, tree = module
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f.name for f in functions if f.end_lineno - f.lineno + 1 > LONGEST_FUNCTION]
    if "migrations/versions" not in name_of(module[0]):
        assert long == []


def test_its_names_say_something(module):
    path, _, tree = module
    named = {path.stem, *path.relative_to(ROOT).parts[:-1]}
    named |= {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    words = {word for name in named for word in name.lower().split("_")}
    assert not words & SAYS_NOTHING
    assert not {name for name in named if name.endswith(("Manager", "Helper", "Helpers", "Utils"))}


def test_every_folder_of_code_is_a_package_that_an_installation_includes():
    folders = {path.parent for path in MODULES}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_each_package_says_that_it_is_typed():
    assert all((ROOT / package / "py.typed").exists() for package in PACKAGES)
