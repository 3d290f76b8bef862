"""A bank's cohort as it sends it: CSV with its own row ids, the subject's identifier, the observation date and perhaps a label.

Strict: whatever is not plainly right is refused, by line and column and never by value: the answer reaches logs.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa

from catalog.contracts import SubjectRule
from catalog.errors import BadInput
from catalog.faults import Fault, refuse_if_any
from catalog.identifier_rules import normalise_column, valid_column

LARGEST_FILE = 64 << 20  # bytes, about a million rows
MOST_FAULTS = 1000  # after so many the file is of another kind altogether
ROW_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
ISO_DAY = re.compile(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]")
FIRST_DAY = date(1950, 1, 1)


@dataclass(frozen=True, slots=True, repr=False)
class CohortRows:
    """``table``: row_id string, identifier string (normal form), observed_at date32, and when labelled label int8 {0, 1}."""

    table: pa.Table
    labelled: bool

    def __repr__(self) -> str:
        return f"CohortRows(rows={self.table.num_rows}, labelled={self.labelled})"


def parse_cohort(data: bytes, subject: SubjectRule, *, today: date, file: str = "cohort") -> CohortRows:
    """The rows of a cohort file: UTF-8, header ``row_id,<subject field>,observation_date[,label]`` in any order.

    Identifiers come back in normal form, checked by the contract's rule. Raises FaultyInput ``cohort.invalid`` with every fault as
    ``line:column``; BadInput ``cohort.too_large``, ``cohort.not_utf8``, ``cohort.header`` or ``cohort.empty``.
    """
    header, lines = _read(data, subject.field, file)
    labelled = "label" in header
    faults: list[Fault] = []
    rows = [(number, dict(zip(header, cells, strict=True))) for number, cells in _complete(lines, len(header), faults)]
    faults += _row_id_faults(rows)
    days = [_day(cells["observation_date"]) for _, cells in rows]
    for (number, _), day in zip(rows, days, strict=True):
        if day is None or not FIRST_DAY <= day <= today:
            faults.append(Fault("cohort.date", f"{number}:observation_date", {"first": FIRST_DAY.isoformat()}))
    identifiers = normalise_column(subject.rule, pl.Series([cells[subject.field] for _, cells in rows], dtype=pl.String))
    valid = valid_column(subject.rule, identifiers)
    faults += [
        Fault("cohort.identifier", f"{number}:{subject.field}", {"field": subject.field})
        for (number, _), good in zip(rows, valid, strict=True)
        if not good
    ]
    if labelled:
        faults += [Fault("cohort.label", f"{number}:label") for number, cells in rows if cells["label"] not in ("0", "1")]
    _refuse(faults, file)
    columns: dict[str, pa.Array] = {
        "row_id": pa.array([cells["row_id"] for _, cells in rows], pa.string()),
        "identifier": pa.array(identifiers.to_list(), pa.string()),
        "observed_at": pa.array(days, pa.date32()),
    }
    if labelled:
        columns["label"] = pa.array([int(cells["label"]) for _, cells in rows], pa.int8())
    return CohortRows(pa.table(columns), labelled)


def _read(data: bytes, identifier: str, file: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the numbered lines after it."""
    if len(data) > LARGEST_FILE:
        raise BadInput("cohort.too_large", file=file, limit=LARGEST_FILE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("cohort.not_utf8", file=file, line=data[: error.start].count(b"\n") + 1) from None
    lines = list(_lines(text, file))
    expected = ["row_id", identifier, "observation_date"]
    header = lines[0][1] if lines else []
    if sorted(header) not in (sorted(expected), sorted([*expected, "label"])):
        raise BadInput("cohort.header", file=file, expected=",".join([*expected, "label"]))
    if len(lines) == 1:
        raise BadInput("cohort.empty", file=file)
    return header, lines[1:]


def _lines(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the number of the line they begin on; blank lines at the end are not records."""
    reader = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error:
        refuse_if_any("cohort.invalid", [Fault("cohort.quotes", str(begins))], file=file)


def _complete(lines: Sequence[tuple[int, list[str]]], width: int, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in lines:
        if len(cells) == width:
            yield number, cells
        else:
            faults.append(Fault("cohort.cells", str(number), {"found": len(cells), "expected": width}))


def _row_id_faults(rows: Sequence[tuple[int, dict[str, str]]]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for number, cells in rows:
        row_id = cells["row_id"]
        if ROW_ID.fullmatch(row_id) is None:
            yield Fault("cohort.row_id", f"{number}:row_id")
        elif row_id in seen:
            yield Fault("cohort.row_id_twice", f"{number}:row_id", {"before": seen[row_id]})
        else:
            seen[row_id] = number


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if ISO_DAY.fullmatch(text) else None
    except ValueError:
        return None


def _refuse(faults: Sequence[Fault], file: str) -> None:
    ordered = sorted(faults, key=lambda fault: int(fault.where.split(":")[0]))
    refuse_if_any("cohort.invalid", ordered[:MOST_FAULTS], file=file, count=len(faults))
