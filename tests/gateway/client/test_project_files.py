"""Reading glovebox.yaml on the bank's side: the same rules as on the platform, with the code that a step names."""

import hashlib

import pytest

from catalog.errors import BadInput
from gateway.client.project_files import submissions

STEPS = """
version: 1
project: loans
steps:
  late: {kind: train, needs: [first]}
  first: {kind: script, code: %s}
"""


def written(folder, code="main.py"):
    (folder / "glovebox.yaml").write_text(STEPS % code, "utf-8")
    (folder / "main.py").write_bytes(b"print(1)\n")
    return folder / "glovebox.yaml"


def test_every_step_comes_after_those_it_needs_with_its_code(tmp_path):
    found = submissions(written(tmp_path))
    assert [(each.spec.step, each.needs, each.code) for each in found] == [("first", (), b"print(1)\n"), ("late", ("first",), None)]
    assert found[0].spec.code_sha256 == hashlib.sha256(b"print(1)\n").hexdigest()
    assert found[0].spec.code_bytes == 9


def test_one_step_alone(tmp_path):
    assert [each.spec.step for each in submissions(written(tmp_path), "late")] == ["late"]


@pytest.mark.parametrize("code", ["../../etc/passwd", "/etc/passwd", "missing.py"])
def test_code_lies_beside_the_file(tmp_path, code):
    with pytest.raises(BadInput):
        submissions(written(tmp_path, code))
