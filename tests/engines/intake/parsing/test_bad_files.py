"""How each kind of bad file is refused: with its line and column, and never with a value."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from catalog.contracts import DatasetContract
from catalog.messages import catalogue
from engines.intake.parse_request import parse_request
from engines.intake.parsing.cell_types import from_text
from engines.intake.parsing.columns import TypedTable
from engines.intake.parsing.jailed_parse import parse
from engines.intake.parsing.refusal import Refusal
from engines.intake.parsing.request import ParseField

RECEIVED = datetime.datetime(2024, 6, 3, tzinfo=datetime.UTC)
Rows = list[list[Any]]
Table = Callable[[int], Rows]
Write = Callable[..., bytes]
Read = Callable[..., TypedTable]


@pytest.fixture
def read(contract: DatasetContract) -> Read:
    return lambda data, suffix=".csv": parse(data, parse_request(contract, "file" + suffix, RECEIVED))


@pytest.fixture
def refusal(read: Read) -> Callable[..., tuple[str, Any, Any]]:
    """Read a file that must be refused: its code, line and column."""

    def of(data: bytes, suffix: str = ".csv") -> tuple[str, Any, Any]:
        with pytest.raises(Refusal) as caught:
            read(data, suffix)
        assert caught.value.code in catalogue()
        return caught.value.code, caught.value.params["line"], caught.value.params["column"]

    return of


Refusals = Callable[..., tuple[str, Any, Any]]


def with_cell(rows: Rows, line: int, column: int, value: Any) -> Rows:
    """``rows`` with one cell replaced; ``line`` counts as an editor does."""
    changed = [list(row) for row in rows]
    changed[line - 1][column] = value
    return changed


# ---- the whole file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_an_empty_file_is_refused(refusal: Refusals, suffix: str) -> None:
    assert refusal(b"", suffix) == ("intake.file_empty", 1, 1)


def test_a_header_without_rows_is_refused(refusal: Refusals, lines: Table, as_csv: Write, workbook: Write) -> None:
    assert refusal(as_csv(lines(0))) == ("intake.no_rows", 1, 1)
    assert refusal(workbook(lines(0)), ".xlsx") == ("intake.no_rows", 1, 1)


def test_bytes_of_another_format_are_refused(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    text = as_csv(lines(3))
    assert refusal(text, ".xlsx")[0] == "intake.xlsx_unreadable"
    assert refusal(text, ".parquet")[0] == "intake.parquet_cut_short"


# ---- encoding ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "name"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030")])
def test_utf8_its_mark_and_gb18030_are_read_alike(read: Read, lines: Table, as_csv: Write, encoding: str, name: str) -> None:
    table = read(as_csv(lines(5), encoding))
    assert table.encoding == name
    assert table.rows.equals(read(as_csv(lines(5))).rows)


def test_a_byte_of_no_encoding_is_refused_at_its_place(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    data = as_csv(lines(6)).replace(b"late", b"l\xfft\xff", 3).replace(b"l\xfft\xff", b"late", 2)
    assert refusal(data) == ("intake.wrong_encoding", 4, 9)


def test_utf16_is_refused(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    assert refusal(as_csv(lines(3), "utf-16"))[0] == "intake.wrong_encoding"


def test_two_encodings_in_one_file_are_refused(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    rows = lines(8)
    data = as_csv(rows[:6]) + as_csv(rows[6:], "gb18030")
    assert refusal(data)[:2] == ("intake.mixed_encoding", 7)


def test_a_nul_byte_is_refused_at_its_place(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    assert refusal(as_csv(with_cell(lines(4), 4, 8, "la\0te"))) == ("intake.nul_byte", 4, 9)


# ---- columns -----------------------------------------------------------------------------------------------------------------


def test_a_missing_column_is_named(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    without = [row[:4] + row[5:] for row in lines(3)]
    assert refusal(as_csv(without)) == ("intake.column_missing", 1, "销售额")


def test_an_unknown_column_is_named(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    more = [[*row, "x"] for row in with_cell(lines(3), 1, 9, "逾期")]
    more[0][-1] = "备注"
    assert refusal(as_csv(more)) == ("intake.column_unknown", 1, "备注")


def test_a_column_given_twice_is_named(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    assert refusal(as_csv([[*row, row[3]] for row in lines(3)])) == ("intake.column_duplicate", 1, "申报日期")


def test_a_file_without_header_is_refused_and_its_first_row_not_repeated(read: Read, lines: Table, as_csv: Write, firm: Any) -> None:
    with pytest.raises(Refusal) as caught:
        read(as_csv(lines(3)[1:]))
    assert caught.value.code == "intake.header_unknown"
    assert firm(0) not in repr(caught.value.params)


def test_the_order_of_columns_is_free(read: Read, lines: Table, as_csv: Write) -> None:
    turned = read(as_csv([row[::-1] for row in lines(4)]))
    assert turned.rows.equals(read(as_csv(lines(4))).rows)


# ---- structure of delimited text -----------------------------------------------------------------------------------------------


def test_a_short_and_a_long_row_are_refused(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    rows = lines(5)
    assert refusal(as_csv([*rows[:3], rows[3][:-1], *rows[4:]])) == ("intake.ragged_row", 4, "逾期")
    assert refusal(as_csv([*rows[:3], [*rows[3], "x"], *rows[4:]])) == ("intake.ragged_row", 4, 11)


def test_a_blank_line_between_rows_is_refused_and_at_the_end_forgiven(read: Read, refusal: Refusals, lines: Table, as_csv: Write) -> None:
    rows = lines(4)
    assert refusal(as_csv(rows[:2]) + b"\n" + as_csv(rows[2:]))[:2] == ("intake.ragged_row", 3)
    assert read(as_csv(rows) + b"\r\n\n").rows.height == 4


def test_quotes_broken_in_the_middle_of_a_file_are_refused_where_the_field_begins(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    rows = with_cell(with_cell(lines(9), 3, 8, '"late"'), 5, 8, '"late')
    assert refusal(as_csv(rows)) == ("intake.quote_unclosed", 5, 9)
    assert refusal(as_csv(with_cell(rows, 8, 8, '"late"'))) == ("intake.quote_misplaced", 5, 9)
    assert refusal(as_csv(with_cell(lines(9), 6, 8, 'la"te'))) == ("intake.quote_misplaced", 6, 9)


def test_quoted_fields_hold_delimiters_quotes_and_line_ends(read: Read, lines: Table, as_csv: Write) -> None:
    rows = with_cell(lines(3), 2, 8, '"a,""b""\r\nc"')
    table = read(as_csv(rows, end="\r\n"))
    assert table.rows["status"].to_list() == ['a,"b"\r\nc', "late", "late"]
    assert table.rows["source_line"].to_list() == [2, 4, 5]


def test_a_bar_separates_as_well_as_a_comma(read: Read, lines: Table, as_csv: Write) -> None:
    assert read(as_csv(lines(4), delimiter="|")).rows.equals(read(as_csv(lines(4))).rows)


# ---- types -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "name", "value"),
    [(3, "申报日期", "2024-02-31"), (4, "销售额", "12万元"), (5, "税额", "(5.00)"), (6, "人数", "12.5"), (9, "逾期", "maybe")],
)
def test_a_column_of_the_wrong_type_is_refused_at_its_first_cell(
    refusal: Refusals, lines: Table, as_csv: Write, column: int, name: str, value: str
) -> None:
    rows = with_cell(with_cell(lines(20), 5, column, value), 9, column, value)
    assert refusal(as_csv(rows)) == ("intake.wrong_type", 5, name)


def test_a_wrong_cell_among_many_is_put_aside_and_not_the_file(read: Read, lines: Table, as_csv: Write) -> None:
    table = read(as_csv(with_cell(lines(40), 7, 4, "12万元")))
    assert table.bad_cells.rows() == [(5, "sales", "not_decimal", "12万元")]
    assert table.rows["sales"][5] is None


@pytest.mark.parametrize("value", ["1e400", "inf", "nan", "1,000.00", "１２", "0.005", "9" * 17])
def test_amounts_that_are_not_exact_decimals_are_wrong(read: Read, lines: Table, as_csv: Write, value: str) -> None:
    rows = with_cell(lines(40), 7, 4, f'"{value}"')
    assert read(as_csv(rows)).bad_cells["row"].to_list() == [5]


@pytest.mark.parametrize("value", ["1900-01-00", "0000-00-00", "2024-02-31", "2024-13-01", "0999-01-01"])
def test_days_that_no_calendar_has_are_wrong(read: Read, lines: Table, as_csv: Write, value: str) -> None:
    assert read(as_csv(with_cell(lines(40), 7, 3, value))).bad_cells["code"].to_list() == ["not_date"]


def test_a_two_digit_year_lies_before_the_day_of_receipt() -> None:
    field = ParseField("d", "d", "date", formats=("%m/%d/%Y", "%d-%b-%y"))
    days = from_text(pl.Series(["2/28/1997", "24-Jun-91", "24-Jun-62"]), field, datetime.date(2024, 6, 3))
    assert days.to_list() == [datetime.date(1997, 2, 28), datetime.date(1991, 6, 24), datetime.date(1962, 6, 24)]


def test_a_timestamp_without_zone_is_local_and_all_become_utc() -> None:
    field = ParseField("t", "t", "timestamp", formats=("%Y-%m-%dT%H:%M:%S%z", "%Y/%m/%d %H:%M"))
    texts = ["2024-05-01T08:00:00+0000", "2024-05-01T08:00:00+08:00", "2024/05/01 08:00", "2024-05-01 08:00:00", "2024-05-01"]
    moments = from_text(pl.Series(texts), field)
    eight, midnight = datetime.datetime(2024, 5, 1, 8, tzinfo=datetime.UTC), datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
    assert moments.to_list() == [eight, midnight, midnight, midnight, None]


def test_a_monstrous_cell_is_refused(refusal: Refusals, lines: Table, as_csv: Write) -> None:
    assert refusal(as_csv(with_cell(lines(40), 7, 8, "x" * 70_000))) == ("intake.cell_too_long", 7, "状态")


# ---- what spreadsheets destroy -------------------------------------------------------------------------------------------------


def test_identifiers_written_9_13e17_are_refused(refusal: Refusals, lines: Table, as_csv: Write, workbook: Write) -> None:
    assert refusal(as_csv(with_cell(lines(40), 7, 0, "9.13E+17"))) == ("intake.identifier_rounded", 7, "信用代码")
    assert refusal(workbook(with_cell(lines(40), 7, 0, 9.13e17)), ".xlsx") == ("intake.identifier_rounded", 7, "信用代码")


def test_serial_dates_are_refused(refusal: Refusals, lines: Table, as_csv: Write, workbook: Write) -> None:
    assert refusal(as_csv(with_cell(lines(40), 7, 3, "45292"))) == ("intake.serial_date", 7, "申报日期")
    assert refusal(workbook(with_cell(lines(40), 7, 3, 45292)), ".xlsx") == ("intake.serial_date", 7, "申报日期")


def test_lost_leading_zeros_are_refused(refusal: Refusals, lines: Table, as_csv: Write, workbook: Write) -> None:
    header, *rows = lines(30)
    lost = [header, *([row[0], row[1].lstrip("0"), *row[2:]] for row in rows)]
    assert refusal(as_csv(lost)) == ("intake.leading_zeros_lost", 2, "注册号")
    assert refusal(workbook(with_cell(lines(30), 9, 7, 651)), ".xlsx") == ("intake.leading_zeros_lost", 9, "行业")


def test_one_short_code_in_a_column_that_kept_its_zeros_is_no_damage(read: Read, lines: Table, as_csv: Write) -> None:
    assert read(as_csv(with_cell(lines(30), 9, 7, "651"))).rows["industry"][7] == "651"


def test_a_merged_header_is_refused(refusal: Refusals, lines: Table, workbook: Write) -> None:
    rows = with_cell(lines(5), 1, 5, None)
    assert refusal(workbook(rows, merged=["E1:F1"], first_row=3), ".xlsx") == ("intake.header_merged", 3, "F")


def test_a_workbook_with_real_dates_and_amounts_is_read_like_text(read: Read, lines: Table, as_csv: Write, workbook: Write) -> None:
    header, *rows = lines(6)
    typed = [[*r[:3], datetime.date.fromisoformat(r[3]), float(r[4]), float(r[5]), int(r[6]), *r[7:]] for r in rows]
    table = read(workbook([header, *typed], first_row=4), ".xlsx")
    assert table.rows.drop("source_line").equals(read(as_csv(lines(6))).rows.drop("source_line"))
    assert table.rows["source_line"].to_list() == [5, 6, 7, 8, 9, 10]


# ---- Parquet -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def parquet(read: Read, lines: Table, as_csv: Write, contract: DatasetContract) -> Callable[..., bytes]:
    def write(*changes: pl.Expr, count: int = 50) -> bytes:
        names = {field.name: field.source_name for field in contract.fields}
        buffer = io.BytesIO()
        read(as_csv(lines(count))).rows.drop("source_line").with_columns(*changes).rename(names).write_parquet(buffer)
        return buffer.getvalue()

    return write


def test_parquet_is_read_like_text(read: Read, lines: Table, as_csv: Write, parquet: Callable[..., bytes]) -> None:
    assert read(parquet(), ".parquet").rows.drop("source_line").equals(read(as_csv(lines(50))).rows.drop("source_line"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_parquet_is_refused(refusal: Refusals, parquet: Callable[..., bytes], share: float) -> None:
    data = parquet()
    assert refusal(data[: int(len(data) * share)], ".parquet") == ("intake.parquet_cut_short", 1, 1)


def test_damaged_parquet_is_refused_or_read_but_never_breaks_the_parser(read: Read, parquet: Callable[..., bytes]) -> None:
    data = parquet()
    for place in range(8, len(data) - 8, max(len(data) // 150, 1)):
        damaged = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            read(damaged, ".parquet")
        except Refusal as refused:
            assert refused.params["line"] >= 1  # noqa: PT017


def test_identifiers_that_parquet_holds_as_floats_are_refused(refusal: Refusals, parquet: Callable[..., bytes]) -> None:
    data = parquet(pl.lit(9.13e17).alias("uscc"))
    assert refusal(data, ".parquet") == ("intake.identifier_rounded", 1, "信用代码")


def test_a_parquet_column_of_the_wrong_type_is_refused(refusal: Refusals, parquet: Callable[..., bytes]) -> None:
    assert refusal(parquet(pl.lit(True).alias("sales")), ".parquet") == ("intake.wrong_type", 1, "销售额")
    assert refusal(parquet(pl.lit([1]).alias("sales")), ".parquet")[0] == "intake.column_nested"
