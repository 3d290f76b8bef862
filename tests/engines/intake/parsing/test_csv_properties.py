"""Laws of reading delimited text: what was written comes back, and no bytes whatever do worse than a refusal."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from engines.intake.parsing.jailed_parse import parse
from engines.intake.parsing.refusal import Refusal
from engines.intake.parsing.request import ParseField, ParseRequest

FIELDS = (ParseField("a", "a", "string"), ParseField("b", "b", "string"))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n,|"'), max_size=8)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8), delimiter=st.sampled_from(",|"), end=st.sampled_from(["\n", "\r\n"]))
def test_a_table_written_by_the_book_is_read_back(rows: list[tuple[str, str]], delimiter: str, end: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    table = parse(buffer.getvalue().encode(), ParseRequest("csv", FIELDS))
    blank = " \t\r\n\u00a0\u3000"
    assert table.rows.select("a", "b").rows() == [tuple(cell.strip(blank) or None for cell in row) for row in rows]


@settings(max_examples=200, deadline=None)
@given(
    body=st.lists(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"x", b"\xc4\xe3", "好".encode(), b"\0", b" "]), max_size=20).map(b"".join),
    kind=st.sampled_from(["csv", "xlsx", "parquet"]),
)
def test_hostile_bytes_are_read_or_refused_and_nothing_else(body: bytes, kind: str) -> None:
    head = {"csv": b"a,b\n", "xlsx": b"PK\x03\x04", "parquet": b"PAR1"}[kind]
    try:
        table = parse(head + body, ParseRequest(kind, FIELDS))  # type: ignore[arg-type]
    except Refusal as refused:
        assert refused.params["line"] >= 1  # noqa: PT017
    else:
        assert table.rows.columns == ["a", "b", "source_line"]


@settings(max_examples=100, deadline=None)
@given(body=st.lists(st.sampled_from(['"', ",", "\n", "x", '""', ' "', '",']), max_size=16).map("".join))
def test_what_is_accepted_is_what_a_strict_reader_sees(body: str) -> None:
    try:
        table = parse(f"a,b\n{body}".encode(), ParseRequest("csv", FIELDS))
    except Refusal:
        return
    strict = list(csv.reader(io.StringIO(body.rstrip("\r\n"), newline=""), strict=True))
    assert table.rows.select("a", "b").rows() == [tuple(cell.strip() or None for cell in row) for row in strict]
