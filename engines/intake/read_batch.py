"""Hand a batch's hostile bytes to the parse jail and take back a typed table, believing only what fits the contract."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pyarrow as pa

from catalog.errors import BadInput, IntegrityBroken
from catalog.outcomes import Outcome
from engines.intake.batches import Batch
from engines.intake.parse_request import parse_request
from engines.intake.parsing.cell_types import polars_type
from engines.intake.parsing.columns import BAD_CELL_SCHEMA
from engines.intake.parsing.jailed_parse import OUTPUTS
from engines.intake.parsing.request import ParseRequest
from engines.intake.ports import StartJail
from sandbox.jail.spec import GIB, MIB, Bind, JailResult, JailSpec, Limits, platform_code, platform_program

LARGEST_BATCH = 512 * MIB  # bytes of one file; departments split what is larger
PARSER_LIMITS = Limits(
    cpus=2, cpu_seconds=900, wall_seconds=900.0, memory_bytes=4 * GIB, tmp_bytes=64 * MIB, out_bytes=GIB, out_files=len(OUTPUTS)
)
_CODE = re.compile(r"intake\.[a-z_]{1,40}")
_PARAMS = {"line", "column", "expected", "found", "wrong", "filled", "known", "limit"}
_LONGEST_TEXT = 60


@dataclass(frozen=True, slots=True)
class RawRows:
    """``rows``: the contract's fields and ``source_line``; ``bad_cells``: row, field, code, text of cells that did not parse."""

    rows: pl.DataFrame
    bad_cells: pl.DataFrame
    encoding: str


def read_batch(batch: Batch, environment: Path, work: Path, start: StartJail) -> RawRows:
    """Raises BadInput with line and column when the file is refused; IntegrityBroken when it is not the announced file.

    ``work`` (0700, in memory) holds the copy and the parser's outputs, until this returns.
    """
    request = parse_request(batch.contract, batch.path.name, batch.received_at)
    with TemporaryDirectory(prefix="parse-", dir=work) as folder:
        inputs, outputs = Path(folder, "in"), Path(folder, "out")
        for place in (inputs, outputs):
            place.mkdir(mode=0o700)
        _lay_out(inputs, open_raw(batch), request)
        result = start(_spec(environment, inputs), outputs)
        _refuse_unless_parsed(batch, result)
        return _collect(batch, request, result)


def open_raw(batch: Batch) -> bytes:
    """The batch's bytes, read once and compared with the announced hash."""
    if batch.path.stat().st_size > LARGEST_BATCH:
        raise BadInput("intake.file_too_large", dataset=batch.contract.name, limit_mib=LARGEST_BATCH // MIB)
    data = batch.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != batch.sha256:
        raise IntegrityBroken("intake.file_changed", dataset=batch.contract.name, batch=batch.batch_id)
    return data


def _lay_out(inputs: Path, data: bytes, request: ParseRequest) -> None:
    for name, content in (("raw", data), ("request.json", json.dumps(request.to_json(), ensure_ascii=False).encode("utf-8"))):
        path = inputs / name
        path.write_bytes(content)
        path.chmod(0o444)  # the parser runs under a uid of its own; the folder above keeps everybody else out


def _spec(environment: Path, inputs: Path) -> JailSpec:
    return JailSpec(
        program=platform_program("engines.intake.parsing.jailed_parse"),
        environment=environment,
        inputs=(Bind(inputs / "raw", "raw"), Bind(inputs / "request.json", "request.json")),
        code=platform_code("engines.intake.parsing"),
        outputs=OUTPUTS,
        limits=PARSER_LIMITS,
    )


def _refuse_unless_parsed(batch: Batch, result: JailResult) -> None:
    if result.outcome is not Outcome.SUCCEEDED:
        raise BadInput("intake.parser_stopped", dataset=batch.contract.name, outcome=result.outcome.value)
    refused = _outcome(batch, result).get("refused")
    if refused is not None:
        code, params = _known_refusal(refused, batch)
        raise BadInput(code, **params)


def _known_refusal(refused: object, batch: Batch) -> tuple[str, dict[str, Any]]:
    """Only known codes and short plain params come out of the jail."""
    known = refused if isinstance(refused, dict) else {}
    code, params = str(known.get("code")), known.get("params")
    if not _CODE.fullmatch(code) or not isinstance(params, dict):
        raise IntegrityBroken("intake.parser_untrue", dataset=batch.contract.name)
    for name, value in params.items():
        if name not in _PARAMS or not isinstance(value, int | str) or len(str(value)) > _LONGEST_TEXT:
            raise IntegrityBroken("intake.parser_untrue", dataset=batch.contract.name)
    return code, {"dataset": batch.contract.name, **params}


def _outcome(batch: Batch, result: JailResult) -> dict[str, Any]:
    try:
        found = json.loads(result.outputs["outcome.json"].read_bytes())
    except (KeyError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IntegrityBroken("intake.parser_untrue", dataset=batch.contract.name)
    return found


def _collect(batch: Batch, request: ParseRequest, result: JailResult) -> RawRows:
    rows = _table(batch, result, "rows.arrow", {**{f.name: polars_type(f) for f in request.fields}, "source_line": pl.Int64()})
    bad_cells = _table(batch, result, "bad_cells.arrow", BAD_CELL_SCHEMA)
    encoding = str(_outcome(batch, result).get("encoding"))
    return RawRows(rows, bad_cells, encoding if encoding in ("utf-8", "utf-8-sig", "gb18030", "xlsx", "parquet") else "other")


def _table(batch: Batch, result: JailResult, name: str, schema: dict[str, Any]) -> pl.DataFrame:
    try:
        table = pa.ipc.open_file(pa.py_buffer(result.outputs[name].read_bytes())).read_all()
        table.validate(full=True)
        frame = pl.DataFrame(table)
    except (KeyError, OSError, pa.ArrowException, pl.exceptions.PolarsError):
        raise IntegrityBroken("intake.parser_untrue", dataset=batch.contract.name) from None
    if dict(frame.schema) != schema:
        raise IntegrityBroken("intake.parser_untrue", dataset=batch.contract.name)
    return frame
