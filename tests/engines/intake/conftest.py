"""One small contract, files written as departments write them, and stand-ins for the ports intake asks for."""

from __future__ import annotations

import datetime
import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from catalog.contracts import (
    Availability,
    Comparison,
    DatasetContract,
    FieldContract,
    QualityRule,
    Recipe,
    SubjectRule,
    Threshold,
)
from catalog.identifier_rules import registration_number_check, uscc_check
from engines.intake.batches import Batch

RECEIVED = datetime.datetime(2024, 6, 3, 2, 30, tzinfo=datetime.UTC)
ROOT_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _field(name: str, source: str, kind: Any, recipe: Recipe, **more: Any) -> FieldContract:
    plain = {"title_zh": source, "title_en": name, "required": False, "grade": 2, "identifier": "none", "identifier_kind": "none"}
    return FieldContract(name=name, source_name=source, type=kind, recipe=recipe, **{**plain, **more})


def _rule(name: str, metric: Any, dimension: Any, severity: Any = "error", **more: Any) -> QualityRule:
    return QualityRule(name, metric, Threshold("mustBe", 0), "rows", dimension, severity, **more)


@pytest.fixture(scope="session")
def contract() -> DatasetContract:
    """A tax table with every type, recipe and form of rule."""
    money = {"precision": 18, "scale": 2}
    return DatasetContract(
        name="tx_declaration",
        version="1.0.0",
        department="TX",
        title_zh="申报",
        title_en="Declarations",
        data_class="synthetic",
        consent_class="enterprise",
        subject=SubjectRule("uscc", "uscc", "uscc"),
        event_at="declared_on",
        availability=Availability("lag", lag_days=20),
        keys=("uscc",),
        fields=(
            _field("uscc", "信用代码", "string", Recipe("pseudonym"), required=True, identifier="direct", identifier_kind="uscc"),
            _field("reg_no", "注册号", "string", Recipe("drop"), identifier="direct", identifier_kind="registration_number"),
            _field(
                "agent_id", "经办人证件", "string", Recipe("pseudonym", {"domain": "agent"}), identifier="direct", identifier_kind="agent"
            ),
            _field("declared_on", "申报日期", "date", Recipe("truncate_date", {"unit": "month"}), date_formats=("%Y-%m-%d", "%Y/%m/%d")),
            _field("sales", "销售额", "decimal", Recipe("round_significant", {"digits": 2}), **money),
            _field("tax", "税额", "decimal", Recipe("band", {"edges": [0, 1000, 10000]}), **money),
            _field("staff", "人数", "integer", Recipe("top_code", {"value": 500})),
            _field("industry", "行业", "string", Recipe("generalise", {"digits": 2})),
            _field("status", "状态", "string", Recipe("keep")),
            _field("late", "逾期", "boolean", Recipe("keep")),
        ),
        rules=(
            _rule("sales_range", "invalidValues", "accuracy", field="sales", minimum=0, maximum=1.0e13),
            _rule("industry_form", "invalidValues", "conformity", field="industry", pattern="[0-9]{4}"),
            _rule("status_listed", "invalidValues", "conformity", field="status", valid=("on_time", "late")),
            _rule("not_too_old", "invalidValues", "timeliness", field="declared_on", minimum="2000-01-01"),
            _rule("staff_given", "missingValues", "completeness", "warning", field="staff", missing=("0",)),
            _rule("once_a_day", "duplicateValues", "uniqueness", fields=("uscc", "declared_on")),
            _rule("tax_within_sales", None, "consistency", "warning", comparison=Comparison("tax", "<=", right_field="sales")),
            QualityRule("some_rows", "rowCount", Threshold("mustBeGreaterThan", 0), "rows", "coverage", "error"),
        ),
        retention_days=1825,
    )


@pytest.fixture(scope="session")
def firm() -> Callable[[int], str]:
    """The ``n``-th synthetic firm's code: right check character, a division nobody has."""

    def code(number: int) -> str:
        first = f"91339900{number:09d}"
        return first + uscc_check(first)

    return code


@pytest.fixture(scope="session")
def registration() -> Callable[[int], str]:
    """The ``n``-th registration number; all begin with a zero that a spreadsheet would eat."""

    def number(index: int) -> str:
        first = f"0339{index:010d}"
        return first + registration_number_check(first)

    return number


@pytest.fixture(scope="session")
def lines(firm: Callable[[int], str], registration: Callable[[int], str]) -> Callable[[int], list[list[str]]]:
    """Header and ``n`` good rows as text cells."""

    def table(count: int) -> list[list[str]]:
        header = ["信用代码", "注册号", "经办人证件", "申报日期", "销售额", "税额", "人数", "行业", "状态", "逾期"]
        rows = [
            [
                firm(n),
                registration(n),
                f"AGENT{n % 7:07d}",
                f"2024-{1 + n % 5:02d}-15",
                f"{1000 + n}.50",
                f"{n % 900}",
                "12",
                "0651",
                "late",
                "是",
            ]
            for n in range(count)
        ]
        return [header, *rows]

    return table


@pytest.fixture(scope="session")
def as_csv() -> Callable[..., bytes]:
    """Rows as delimited text, without quotes."""

    def write(rows: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ",", end: str = "\n") -> bytes:
        return "".join(delimiter.join(row) + end for row in rows).encode(encoding)

    return write


@pytest.fixture
def deliver(contract: DatasetContract, tmp_path: Path) -> Callable[..., Batch]:
    """Put a file into a landing folder, as a batch with its hash."""

    def put(data: bytes, suffix: str = ".csv", batch_id: str = "batch-1") -> Batch:
        landing = tmp_path / "landing"
        landing.mkdir(exist_ok=True)
        path = landing / f"{batch_id}{suffix}"
        path.write_bytes(data)
        return Batch(contract, path, hashlib.sha256(data).hexdigest(), RECEIVED, batch_id)

    return put


@pytest.fixture(scope="session")
def workbook() -> Callable[..., bytes]:
    """Write a workbook by hand: text, number and date cells, merged ranges; None leaves a cell out."""
    return _workbook


def _workbook(rows: Sequence[Sequence[Any]], merged: Sequence[str] = (), first_row: int = 1) -> bytes:
    body = "".join(_row(row, number) for number, row in enumerate(rows, first_row))
    areas = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
    merges = f"<mergeCells>{areas}</mergeCells>" if merged else ""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{ROOT_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{ROOT_TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{ROOT_TYPES}.styles+xml"/></Types>',
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")),
        "xl/styles.xml": f'<styleSheet {MAIN}><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData>{body}</sheetData>{merges}</worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')
    return buffer.getvalue()


def _relations(*targets: tuple[str, str]) -> str:
    items = "".join(
        f'<Relationship Id="r{number}" Type="{RELATIONS}/{kind}" Target="{target}"/>' for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{items}</Relationships>'


def _row(row: Sequence[Any], number: int) -> str:
    cells = "".join(_cell(value, f"{_letters(at)}{number}") for at, value in enumerate(row))
    return f'<row r="{number}">{cells}</row>'


def _cell(value: Any, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.date):
        return f'<c r="{place}" s="1"><v>{(value - datetime.date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def _letters(index: int) -> str:
    return ("" if index < 26 else _letters(index // 26 - 1)) + chr(65 + index % 26)
