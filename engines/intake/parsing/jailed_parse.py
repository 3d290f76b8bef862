"""Runs inside the jail, without keys: hostile bytes in, a typed table out.

/in/raw and /in/request.json -> /out/rows.arrow, /out/bad_cells.arrow, /out/outcome.json. Of a refused file the tables are empty.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from engines.intake.parsing.columns import BAD_CELL_SCHEMA, TypedTable, type_table
from engines.intake.parsing.read_csv import read_csv
from engines.intake.parsing.read_parquet import read_parquet
from engines.intake.parsing.read_xlsx import read_xlsx
from engines.intake.parsing.refusal import Refusal
from engines.intake.parsing.request import ParseRequest
from engines.intake.parsing.table import RawTable

OUTPUTS = ("rows.arrow", "bad_cells.arrow", "outcome.json")


def parse(data: bytes, request: ParseRequest) -> TypedTable:
    """One file to its typed table. Raises Refusal with line and column."""
    raw = read_raw(data, request)
    return type_table(raw, request)


def read_raw(data: bytes, request: ParseRequest) -> RawTable:
    """The file's cells, by its format."""
    if request.format == "csv":
        return read_csv(data, request)
    return read_xlsx(data) if request.format == "xlsx" else read_parquet(data)


def outcome_of(table: TypedTable) -> dict[str, Any]:
    """Counts only: how many rows, and per field and code how many wrong cells and the line of the first."""
    lines = table.rows["source_line"]
    grouped = table.bad_cells.group_by("field", "code", maintain_order=True).agg(rows="row")
    errors = [
        {"field": field, "code": code, "count": len(rows), "first_line": int(lines[rows[0]])} for field, code, rows in grouped.iter_rows()
    ]
    return {"rows": table.rows.height, "encoding": table.encoding, "refused": None, "cell_errors": errors}


def run(inputs: Path, outputs: Path) -> None:
    """The whole job between two folders. All outputs are written whatever happens, so that a refusal counts as a finished run."""
    request = ParseRequest.from_json(json.loads((inputs / "request.json").read_text("utf-8")))
    try:
        table = parse((inputs / "raw").read_bytes(), request)
        outcome = outcome_of(table)
    except Refusal as refusal:
        table = TypedTable(pl.DataFrame(), pl.DataFrame(schema=BAD_CELL_SCHEMA), "")
        outcome = {"rows": 0, "encoding": None, "refused": {"code": refusal.code, "params": refusal.params}, "cell_errors": []}
    table.rows.write_ipc(outputs / "rows.arrow")
    table.bad_cells.write_ipc(outputs / "bad_cells.arrow")
    (outputs / "outcome.json").write_text(json.dumps(outcome, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    run(Path("/in"), Path("/out"))
