"""Writing as departments write: UTF-8 with and without a mark, GB18030, Parquet, and one spreadsheet."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl

_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
# The smallest workbook that spreadsheet programs open: every cell is inline text, so no identifier loses digits.
_WORKBOOK = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_SHEET}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="data" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_ALWAYS = (1980, 1, 1, 0, 0, 0)  # a workbook's bytes depend on its content only


def write_table(table: str, frame: pl.DataFrame, folder: Path, titles: Mapping[str, str]) -> Path:
    """Write the department's file in the department's way, under its Chinese headings; returns its path."""
    suffix, write = FORMATS[table]
    path = folder / f"{table}{suffix}"
    write(frame.rename({c: titles.get(c, c) for c in frame.columns}), path)
    return path


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """UTF-8 without a byte order mark."""
    frame.write_csv(path)


def write_csv_with_mark(frame: pl.DataFrame, path: Path) -> None:
    """UTF-8 with a byte order mark, as spreadsheet programs save it."""
    frame.write_csv(path, include_bom=True)


def write_csv_gb18030(frame: pl.DataFrame, path: Path) -> None:
    """GB 18030, as older systems of departments write."""
    path.write_bytes(frame.write_csv().encode("gb18030"))


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Amounts as exact decimals, as a database exports them."""
    frame.with_columns(pl.col(pl.Float64).cast(pl.Decimal(18, 2))).write_parquet(path)


def write_workbook(frame: pl.DataFrame, path: Path) -> None:
    """One sheet of text cells; an empty cell is left out."""
    text = frame.with_columns(pl.all().cast(pl.String))
    lines = [_line(text.columns), *(_line(row) for row in text.iter_rows())]
    sheet = f'{_HEAD}<worksheet xmlns="{_SHEET}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**_WORKBOOK, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(zipfile.ZipInfo(name, _ALWAYS), content, zipfile.ZIP_DEFLATED)


def _line(cells: list[str] | tuple[str | None, ...]) -> str:
    return f"<row>{''.join(_cell(c) for c in cells)}</row>"


def _cell(text: str | None) -> str:
    return "<c/>" if text is None else f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>'


FORMATS: dict[str, tuple[str, Callable[[pl.DataFrame, Path], None]]] = {
    "mr_enterprise_base": (".csv", write_csv_gb18030),
    "tx_vat_declaration": (".csv", write_csv),
    "hr_si_monthly": (".parquet", write_parquet),
    "pw_electricity_monthly": (".csv", write_csv_with_mark),
    "ct_enforcement": (".xlsx", write_workbook),
    "cr_penalty": (".csv", write_csv),
}
