"""A bank's list: what is accepted, and how a wrong line is pointed at without repeating what it says."""

from __future__ import annotations

import pickle
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts import SubjectRule
from catalog.errors import BadInput
from catalog.faults import FaultyInput
from sandbox.workspace.cohort_files import CohortRows, parse_cohort

TODAY = date(2024, 6, 30)
LOAN = SubjectRule("loan", "loan_number", "pattern:[0-9]{4}")
USCC = SubjectRule("uscc", "uscc", "uscc")
HEADER = "row_id,loan,observation_date,label\n"


def parse(text: str, subject: SubjectRule = LOAN) -> CohortRows:
    return parse_cohort(text.encode(), subject, today=TODAY)


def faults(text: str, subject: SubjectRule = LOAN) -> list[tuple[str, str]]:
    with pytest.raises(FaultyInput) as refusal:
        parse(text, subject)
    return [(fault.where, fault.code) for fault in refusal.value.faults]


def test_a_labelled_list_is_read() -> None:
    found = parse(HEADER + "r1,0001,2024-01-31,0\nr2,0002,2024-02-29,1\n")
    assert found.labelled
    assert found.table.to_pydict() == {
        "row_id": ["r1", "r2"],
        "identifier": ["0001", "0002"],
        "observed_at": [date(2024, 1, 31), date(2024, 2, 29)],
        "label": [0, 1],
    }


def test_a_list_to_be_scored_needs_no_label_and_columns_stand_in_any_order() -> None:
    found = parse("\ufeffloan,observation_date,row_id\r\n0001,2024-01-31,r1\r\n\r\n")
    assert (found.labelled, found.table.column_names) == (False, ["row_id", "identifier", "observed_at"])


def test_identifiers_come_back_in_normal_form() -> None:
    written = "row_id,uscc,observation_date\nr1, ９1350100m000100y43 ,2024-01-31\n"
    assert parse(written, USCC).table["identifier"].to_pylist() == ["91350100M000100Y43"]


@pytest.mark.parametrize(
    ("line", "where", "code"),
    [
        ("r1,12345,2024-01-31,0", "2:loan", "cohort.identifier"),
        ("r1,,2024-01-31,0", "2:loan", "cohort.identifier"),
        ("r1,0001,2024-02-30,0", "2:observation_date", "cohort.date"),
        ("r1,0001,31/01/2024,0", "2:observation_date", "cohort.date"),
        ("r1,0001,20240131,0", "2:observation_date", "cohort.date"),
        ("r1,0001,2024-07-01,0", "2:observation_date", "cohort.date"),
        ("r1,0001,2024-01-31,", "2:label", "cohort.label"),
        ("r1,0001,2024-01-31,1.0", "2:label", "cohort.label"),
        ("r 1,0001,2024-01-31,1", "2:row_id", "cohort.row_id"),
        ("r1,0001,2024-01-31", "2", "cohort.cells"),
        ("r1,0001,2024-01-31,1,", "2", "cohort.cells"),
        ('r1,"0001"x,2024-01-31,1', "2", "cohort.quotes"),
        ('r1,"0001,2024-01-31,1', "2", "cohort.quotes"),
        ("\nr1,0001,2024-01-31,1", "2", "cohort.cells"),
    ],
)
def test_a_wrong_line_is_named(line: str, where: str, code: str) -> None:
    assert faults(HEADER + line + "\n") == [(where, code)]


def test_all_faults_are_told_at_once_in_the_order_of_lines() -> None:
    text = HEADER + "r1,0001,2024-01-31,0\nr1,x,2024-01-31,2\nr3,0003\n"
    assert faults(text) == [
        ("3:row_id", "cohort.row_id_twice"),
        ("3:loan", "cohort.identifier"),
        ("3:label", "cohort.label"),
        ("4", "cohort.cells"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "cohort.header"),
        (b"row_id,loan\n", "cohort.header"),
        (b"row_id,loan,observation_date,outcome\n1,2,3,4\n", "cohort.header"),
        (b"row_id,row_id,loan,observation_date\n", "cohort.header"),
        (HEADER.encode(), "cohort.empty"),
        (HEADER.encode() + "r1,0001,2024-01-31,是\n".encode("gb18030"), "cohort.not_utf8"),
    ],
)
def test_a_file_of_another_kind_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_cohort(data, LOAN, today=TODAY)
    assert refusal.value.code == code
    assert "cohort" in refusal.value.text("zh")


@given(st.text(st.sampled_from('SECRETsecret,"\n7Ｓ'), min_size=6, max_size=40))
def test_no_refusal_repeats_a_value(cells: str) -> None:
    text = f"{HEADER}{cells}SECRET"
    with pytest.raises(BadInput) as refusal:
        parse(text)
    told = refusal.value.text("en") + refusal.value.text("zh") + repr(refusal.value) + repr(refusal.value.params)
    assert "SECRET" not in told
    assert refusal.value.__cause__ is None


def test_a_refusal_survives_a_process_boundary() -> None:
    with pytest.raises(FaultyInput) as refusal:
        parse(HEADER + "r1,x,y,z\n")
    again = pickle.loads(pickle.dumps(refusal.value))
    assert again.text("zh") == refusal.value.text("zh")
    assert again.faults == refusal.value.faults


def test_rows_do_not_show_in_a_representation() -> None:
    assert repr(parse(HEADER + "r1,0001,2024-01-31,0\n")) == "CohortRows(rows=1, labelled=True)"
