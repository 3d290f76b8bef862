"""Does every link of the documentation lead somewhere, and does every command it shows exist?"""

import re
from pathlib import Path

import pytest
import typer

from gateway.cli.entry import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for folder in (".", "docs", "docs/guide", "docs/adr", "examples") for path in (ROOT / folder).glob("*.md") if path.is_file()
)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
SHOWN_COMMAND = re.compile(r"^\s*(?:\.venv/bin/)?glovebox (?P<line>[^#\n]*)", re.MULTILINE)
INLINE_COMMAND = re.compile(r"`glovebox (?P<line>[^`]+)`")
SHOWN_TARGET = re.compile(r"(?:^|`)make (?P<target>[a-z][a-z-]*)", re.MULTILINE)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(params=DOCUMENTS, ids=name_of)
def document(request):
    return request.param


def anchor(heading):
    """As code hosts make anchors of headings: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")


def test_every_link_leads_to_a_file_and_a_heading(document):
    for target in LINK.findall(CODE.sub("", document.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, heading = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        if heading:
            assert heading in {anchor(text) for text in HEADING.findall(found.read_text("utf-8"))}, target


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = LINK.findall(CODE.sub("", page.read_text("utf-8")))
        pages = {(page.parent / target.partition("#")[0]).resolve() for target in targets if target.partition("#")[0].endswith(".md")}
        waiting += pages - reached

    assert {name_of(path) for path in DOCUMENTS} - {name_of(path) for path in reached} == set()


def test_every_glovebox_command_exists(document):
    text = document.read_text("utf-8").replace("\\\n", " ")
    for line in [*SHOWN_COMMAND.findall(text), *INLINE_COMMAND.findall(text)]:
        check_command(line.split())


def check_command(words):
    """Follow the words down the program's own tree of commands; every option shown must be one of the command's."""
    here = typer.main.get_command(app)
    options = option_names(here)
    while words and words[0].startswith("--"):
        assert words[0] in options, words
        words = words[2:]
    for word in words:
        children = getattr(here, "commands", {})
        if word in children:
            here = children[word]
        elif children:
            assert word.isupper() or word.startswith("…"), f"there is no command {' '.join(words)}"
            return
        elif re.fullmatch(r"--[a-z][a-z-]*", word):
            assert word in option_names(here), f"{' '.join(words)}: there is no option {word}"


def option_names(command):
    names = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    return names | {"--help"}


def test_every_make_target_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(SHOWN_TARGET.findall(document.read_text("utf-8"))) <= targets


def test_the_documentation_names_no_place_of_work(document):
    """What a reader elsewhere cannot use or should not learn: absolute paths of a machine, hosts of package registries."""
    text = document.read_text("utf-8")

    assert re.findall(r"/work/|/tmp/|/root/|pypi\.|npmjs|files\.pythonhosted", text) == []
