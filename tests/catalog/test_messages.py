"""Every sentence exists in English and Chinese, says the same things, and is said somewhere."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import catalog.errors
import catalog.messages
from catalog.errors import GloveboxError
from catalog.messages import catalogue, render

ROOT = Path(catalog.messages.__file__).parents[2]
PACKAGES = ("catalog", "jobs", "sandbox", "engines", "gateway")
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ERRORS = {name for name, value in vars(catalog.errors).items() if isinstance(value, type) and issubclass(value, GloveboxError)}
# What else takes a message code as its first argument.
TAKERS = ERRORS | {"Problem", "Fault", "FaultyInput", "refuse_if_any", "render"}


def sources():
    for package in PACKAGES:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")))


def texts_of(tree):
    """Every text in the source that is not a docstring."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value, node.lineno


def patterns_of(tree):
    """Codes put together from parts, as patterns: ``f"check.{name}.fix"`` says every message of that form."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else r"[A-Za-z0-9_.]+" for part in node.values]
            fixed = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if re.fullmatch(r"[a-z0-9_.]*[a-z][a-z0-9_.]*", fixed) and "." in fixed:
                yield re.compile("".join(parts))


def codes_given(tree):
    """Texts given where a message code belongs: ``raise BadInput("…")`` and its like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in TAKERS and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno


def grammar_codes(tree):
    """What a parser inside the jail objects to: ``GrammarError("not_ascii", …)`` is told as ``check.grammar.not_ascii``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "GrammarError" and isinstance(node.args[0], ast.Constant):
            yield f"check.grammar.{node.args[0].value}", node.lineno


def placeholders(text):
    return sorted({name.split(".")[0].split("[")[0] for _, name, _, _ in Formatter().parse(text) if name is not None})


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text("utf-8")) for path in sources()}


def test_every_code_that_is_raised_has_its_message(trees):
    given = [(path, code, line) for path, tree in trees.items() for code, line in (*codes_given(tree), *grammar_codes(tree))]
    missing = [f"{path.relative_to(ROOT)}:{line} {code}" for path, code, line in given if code not in catalogue()]
    assert missing == []


def test_every_message_is_said_somewhere(trees):
    said = {text for tree in trees.values() for text, _ in (*texts_of(tree), *grammar_codes(tree))}
    pages = "\n".join(path.read_text("utf-8") for path in (ROOT / "gateway").rglob("*.html"))
    patterns = [pattern for tree in trees.values() for pattern in patterns_of(tree)]
    unsaid = [code for code in catalogue() if code not in said and code not in pages and not any(p.fullmatch(code) for p in patterns)]
    assert unsaid == []


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_a_message_says_the_same_in_both_languages(code):
    texts = catalogue()[code]
    assert CODE.fullmatch(code)
    assert set(texts) == {"en", "zh"}
    assert placeholders(texts["en"]) == placeholders(texts["zh"])
    assert not CHINESE.search(texts["en"])
    if any(letter.isalpha() for letter in texts["en"]):  # a mark of punctuation is a message too
        assert CHINESE.search(texts["zh"])
        assert texts["en"].strip() == texts["en"]
        assert texts["zh"].strip() == texts["zh"]


def test_a_raised_error_gives_its_message_everything_it_names(trees):
    """``raise X("code", a=…)``: every placeholder of the message is among the keywords."""
    lacking = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {keyword.arg for keyword in node.keywords}
            if name not in ERRORS or None in given or node.args[0].value not in catalogue():
                continue
            needed = set(placeholders(catalogue()[node.args[0].value]["en"]))
            if needed - given:
                lacking.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.args[0].value} lacks {sorted(needed - given)}")
    assert lacking == []


def test_an_unknown_code_shows_itself_rather_than_hiding_the_error():
    assert render("no.such_code", {"a": 1}) == "no.such_code {'a': 1}"
    assert "no.such_code" in str(GloveboxError("no.such_code", a=1))


def test_a_message_that_lacks_a_value_still_shows_what_it_was_given():
    assert "why" in render("settings.unreadable", {"why": 1})


def test_an_error_crosses_a_process_boundary_whole():
    import pickle

    error = catalog.errors.BadInput("settings.unreadable", path="x", reason="y")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.params, str(again)) == (type(error), error.code, error.params, str(error))
