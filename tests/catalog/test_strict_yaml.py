"""Files people write mean what they look like."""

from __future__ import annotations

import pytest

from catalog.errors import BadInput
from catalog.strict_yaml import LARGEST_FILE, load


def test_codes_dates_and_words_stay_text() -> None:
    written = b"code: 01\ncountry: no\nday: 2020-01-01\nhour: 12:30\nmerge: <<\nnumber: 1e3\nwhole: -7\nyes: true\nnothing:\n"
    assert (
        load(written, "f")
        == {
            "code": "01",
            "country": "no",
            "day": "2020-01-01",
            "hour": "12:30",
            "merge": "<<",
            "number": 1000.0,
            "whole": -7,
            "yes": True,
            "nothing": None,
        }
        or "a key must be text"
    )


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        (b"a: &x 1", 1, 4),
        (b"a: 1\nb: *a", 2, 4),
        (b"a: 1\na: 2", 2, 1),
        (b"a: !!python/object:os.system 1", 1, 4),
        (b"1: a", 1, 1),
        (b"a: 1e999", 1, 4),
        (b"[" * 60 + b"]" * 60, 1, 41),
        (b'a: "x', 1, 6),
    ],
)
def test_what_could_surprise_is_refused_by_line_and_column(written: bytes, line: int, column: int) -> None:
    with pytest.raises(BadInput) as refusal:
        load(written, "f.yaml")
    assert (refusal.value.code, refusal.value.params["line"], refusal.value.params["column"]) == ("yaml.malformed", line, column)


@pytest.mark.parametrize(
    ("written", "code"), [(b"\xff", "yaml.not_utf8"), (b"a" * (LARGEST_FILE + 1), "yaml.too_large"), (b"\x00", "yaml.malformed")]
)
def test_what_is_no_text_is_refused(written: bytes, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        load(written, "f.yaml")
    assert refusal.value.code == code
