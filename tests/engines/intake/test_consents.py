"""Reading a file of consents and withdrawals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from catalog.contracts import SubjectRule
from catalog.errors import BadInput
from catalog.faults import FaultyInput
from engines.intake.consents import parse_consents

SUBJECT = SubjectRule("uscc", "uscc", "uscc")
HEADER = "identifier,institution,purpose,valid_from,valid_to,action"
Firm = Callable[[int], str]


def file_of(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def test_grants_and_withdrawals_are_read(firm: Firm) -> None:
    grant, withdrawal = parse_consents(
        b"\xef\xbb\xbf"
        + file_of(f" {firm(1).lower()},bank_a,credit,2024-01-01,2024-12-31,grant", f"{firm(2)},bank_a,*,2024-01-01,2024-12-31,withdraw"),
        SUBJECT,
    )
    assert (grant.line, grant.identifier, grant.institution, grant.purpose, grant.action) == (2, firm(1), "bank_a", "credit", "grant")
    assert grant.valid_from.astimezone(UTC) == datetime(2023, 12, 31, 16, tzinfo=UTC)
    assert grant.valid_to.astimezone(UTC) == datetime(2024, 12, 31, 16, tzinfo=UTC)
    assert withdrawal.action == "withdraw"
    assert firm(1) not in repr(grant)


def test_every_wrong_cell_is_named_by_line_and_column_and_none_repeated(firm: Firm) -> None:
    with pytest.raises(FaultyInput) as caught:
        parse_consents(
            file_of(
                f"{firm(1)},bank_a,credit,2024-01-01,2024-12-31,grant",
                "913399000000000000,bank_a,credit,2024-02-31,2024-12-31,grant",
                f"{firm(2)},,credit,2024-03-01,2024-02-01,give",
            ),
            SUBJECT,
        )
    assert [(fault.where, fault.code) for fault in caught.value.faults] == [
        ("line 3, column identifier", "consents.identifier"),
        ("line 3, column valid_from", "consents.date"),
        ("line 4, column institution", "consents.blank"),
        ("line 4, column action", "consents.action"),
        ("line 4, column valid_to", "consents.order"),
    ]
    assert "913399000000000000" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "consents.column"),
        (HEADER.encode(), "consents.empty"),
        (HEADER.replace("purpose,", "").encode(), "consents.column"),
        (HEADER.encode() + b",more\n", "consents.column_extra"),
        (HEADER.encode() + b"\n\xff\n", "consents.encoding"),
        (HEADER.encode() + b"\na\0b\n", "consents.encoding"),
        (HEADER.encode() + b'\n"a"b,c\n', "consents.csv_broken"),
        (HEADER.encode() + b"\na,b\n", "consents.faulty"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_consents(data, SUBJECT)
    assert caught.value.code == code
    assert caught.value.text("zh")
