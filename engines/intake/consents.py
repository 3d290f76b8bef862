"""Read a consent file: who lets which institution use their data, for what, from when to when; or who takes it back.

CSV in UTF-8 with the columns of ``COLUMNS``. All faults come in one refusal, each with line and column, never with a value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal, cast

import numpy as np
import polars as pl

from catalog import identifier_rules
from catalog.clock import SHANGHAI
from catalog.contracts import SubjectRule
from catalog.errors import BadInput
from catalog.faults import Fault, refuse_if_any

COLUMNS = ("identifier", "institution", "purpose", "valid_from", "valid_to", "action")
LARGEST_FILE = 64 << 20  # bytes
Action = Literal["grant", "withdraw"]
ACTIONS = ("grant", "withdraw")


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """One line: ``identifier`` in normal form (never shown), the scope, and whether it is given or taken back.

    ``valid_from`` and ``valid_to`` are instants: the start of the first day and the end of the last, in Asia/Shanghai.
    """

    line: int
    identifier: str = field(repr=False)
    institution: str
    purpose: str
    valid_from: datetime
    valid_to: datetime
    action: Action


def parse_consents(data: bytes, subject: SubjectRule) -> tuple[ConsentLine, ...]:
    """All lines of the file. Raises BadInput for a file that is no such table, FaultyInput listing every wrong cell."""
    rows = _rows(_reader(data))
    if not rows:
        raise BadInput("consents.empty")
    written = pl.Series([cells["identifier"] for _, cells in rows], dtype=pl.String)
    identifiers = identifier_rules.normalise_column(subject.rule, written)
    fit = np.asarray(identifier_rules.valid_column(subject.rule, identifiers)) & (identifiers != "").to_numpy()
    faults = [fault for (line, cells), good in zip(rows, fit, strict=True) for fault in _cell_faults(cells, line, bool(good))]
    refuse_if_any("consents.faulty", faults)
    return tuple(_line(cells, line, identifier) for (line, cells), identifier in zip(rows, identifiers, strict=True))


def _rows(reader: csv.DictReader[str]) -> list[tuple[int, dict[str, str]]]:
    rows: list[tuple[int, dict[str, str]]] = []
    ragged: list[Fault] = []
    try:
        for row in reader:
            if "" in row or None in row.values():
                ragged.append(Fault("consents.ragged", f"line {reader.line_num}", {"expected": len(COLUMNS)}))
            else:
                rows.append((reader.line_num, {column: row[column].strip() for column in COLUMNS}))
    except csv.Error:
        raise BadInput("consents.csv_broken", line=reader.line_num) from None
    refuse_if_any("consents.faulty", ragged)
    return rows


def _reader(data: bytes) -> csv.DictReader[str]:
    if len(data) > LARGEST_FILE:
        raise BadInput("consents.too_large", limit_mib=LARGEST_FILE >> 20)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("consents.encoding", line=data.count(b"\n", 0, error.start) + 1) from None
    if "\0" in text:
        raise BadInput("consents.encoding", line=text.count("\n", 0, text.index("\0")) + 1)
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        header = tuple(reader.fieldnames or ())
    except csv.Error:
        raise BadInput("consents.csv_broken", line=1) from None
    for column in COLUMNS:
        if header.count(column) != 1:
            raise BadInput("consents.column", column=column, columns=", ".join(COLUMNS))
    if len(header) != len(COLUMNS):
        raise BadInput("consents.column_extra", columns=", ".join(COLUMNS))
    return reader


def _cell_faults(cells: Mapping[str, str], line: int, identifier_fits: bool) -> list[Fault]:
    faults = [(column, "consents.blank") for column in ("institution", "purpose") if not cells[column]]
    if not identifier_fits:
        faults.append(("identifier", "consents.identifier"))
    faults += [(column, "consents.date") for column in ("valid_from", "valid_to") if _day(cells[column]) is None]
    if cells["action"] not in ACTIONS:
        faults.append(("action", "consents.action"))
    first, last = _day(cells["valid_from"]), _day(cells["valid_to"])
    if first is not None and last is not None and last < first:
        faults.append(("valid_to", "consents.order"))
    return [Fault(code, f"line {line}, column {column}") for column, code in faults]


def _line(cells: Mapping[str, str], line: int, identifier: str) -> ConsentLine:
    first, last = date.fromisoformat(cells["valid_from"]), date.fromisoformat(cells["valid_to"])
    return ConsentLine(
        line=line,
        identifier=identifier,
        institution=cells["institution"],
        purpose=cells["purpose"],
        valid_from=datetime.combine(first, time.min, SHANGHAI),
        valid_to=datetime.combine(last + timedelta(days=1), time.min, SHANGHAI),
        action=cast(Action, cells["action"]),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2024-01-01") else None
    except ValueError:
        return None
