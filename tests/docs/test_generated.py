"""Does the documentation say what the code says? Generated parts are printed anew and compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import generate

ROOT = Path(__file__).parents[2]
DOCUMENTS = {str(path.relative_to(ROOT)): path for path in generate.documents()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_documents_generated_parts_are_fresh(name):
    text = DOCUMENTS[name].read_text("utf-8")

    assert generate.filled(text) == text, "run: python -m docs.generate"


def test_every_part_stands_somewhere_and_every_marker_is_a_part():
    written = {name for path in DOCUMENTS.values() for name in re.findall(r"<!-- generated: (\S+) -->", path.read_text("utf-8"))}

    assert written == set(generate.PARTS)


def test_a_marker_is_closed():
    for name, path in DOCUMENTS.items():
        text = path.read_text("utf-8")
        assert len(re.findall(r"<!-- generated: \S+ -->", text)) == text.count("<!-- end -->"), name


def test_the_check_tells_by_its_exit_code():
    ended = subprocess.run([sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_part_nobody_prints_is_an_error():
    with pytest.raises(KeyError):
        generate.filled("<!-- generated: nobody-prints-this -->\n<!-- end -->\n")


def test_no_floor_imports_one_above_it():
    order = {floor: place for place, floor in enumerate(generate.FLOORS)}
    upwards = [
        (room, other)
        for room, others in generate.room_graph().items()
        for other in others
        if order[other.partition(".")[0]] < order[room.partition(".")[0]]
    ]

    assert upwards == []
