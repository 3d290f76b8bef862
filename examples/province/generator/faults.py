"""Faults as departments really deliver them, each injected on purpose and written down, so that the checks can be checked.

A row has at most one fault. ``rows`` in the record are values of ``src_row_id``; a duplicate's row is the repeated one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.province.generator.identifiers import with_wrong_check

FAULTY_SHARE = 0.005  # of each table's rows, all classes together
FUTURE = np.datetime64("2099-01-01", "D")
UNKNOWN_CODE = "??"

FaultClass = Literal[
    "wrong_check_digit", "missing_required", "future_date", "negative_amount", "swapped_dates", "unknown_code", "duplicate_row"
]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with ``column``; for swapped dates ``later`` is the date that should come after it."""

    kind: FaultClass
    column: str
    later: str = ""


def _common(subject: str, required: str, day: str, amount: str) -> tuple[Fault, ...]:
    return (
        Fault("wrong_check_digit", subject),
        Fault("missing_required", required),
        Fault("future_date", day),
        Fault("negative_amount", amount),
    )


FAULTS: dict[str, tuple[Fault, ...]] = {
    "mr_enterprise_base": (
        *_common("uscc", "industry_code", "est_date", "reg_capital_wan"),
        Fault("swapped_dates", "est_date", later="approve_date"),
        Fault("unknown_code", "biz_status"),
    ),
    "tx_vat_declaration": (
        *_common("uscc", "sales_taxable", "declare_date", "sales_taxable"),
        Fault("swapped_dates", "period_end", later="declare_date"),
        Fault("unknown_code", "taxpayer_kind"),
    ),
    "hr_si_monthly": _common("uscc", "insured_count", "period_end", "paid"),
    "pw_electricity_monthly": _common("uscc", "kwh", "read_date", "kwh"),
    "ct_enforcement": (
        *_common("subject_id", "filing_date", "filing_date", "exec_amount"),
        Fault("swapped_dates", "filing_date", later="close_date"),
        Fault("unknown_code", "close_way"),
    ),
    "cr_penalty": (
        *_common("uscc", "decide_date", "decide_date", "fine_amount"),
        Fault("swapped_dates", "decide_date", later="publicity_to"),
        Fault("unknown_code", "penalty_kind"),
    ),
}


# Last of all, so that a repeated row is a clean one and is not spoilt afterwards.
DUPLICATE = Fault("duplicate_row", "src_updated_at")


def inject(table: str, frame: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, list[int]]]:
    """The table with its faults and a leading ``src_row_id`` (1…n), and the rows of each class."""
    faults = (*FAULTS[table], DUPLICATE)
    each = max(1, round(FAULTY_SHARE * len(frame) / len(faults)))
    free = np.ones(len(frame), dtype=np.bool_)
    found: dict[str, list[int]] = {}
    for fault in faults:
        candidates = np.nonzero(free & _can_carry(frame, fault))[0]
        rows = np.sort(rng.choice(candidates, min(each, len(candidates)), replace=False))
        free[rows] = False
        if fault.kind == "duplicate_row":
            found[fault.kind] = list(range(len(frame) + 1, len(frame) + 1 + len(rows)))
        else:
            found[fault.kind] = [int(r) + 1 for r in rows]
        frame = _spoil(frame, fault, rows, rng)
    return frame.with_row_index("src_row_id", offset=1), found


def _can_carry(frame: pl.DataFrame, fault: Fault) -> NDArray[np.bool_]:
    """Rows in which the fault would be a fault."""
    column = pl.col(fault.column)
    usable = column.is_not_null()
    if fault.kind == "negative_amount":
        usable = column > 0
    if fault.kind == "swapped_dates":
        usable = column < pl.col(fault.later)
    return np.asarray(frame.select(usable.fill_null(False)).to_series().to_numpy())


def _spoil(frame: pl.DataFrame, fault: Fault, rows: Rows, rng: np.random.Generator) -> pl.DataFrame:
    if fault.kind == "duplicate_row":
        return pl.concat([frame, frame[rows]])
    if fault.kind == "swapped_dates":
        first, second = frame[fault.column][rows], frame[fault.later][rows]
        return _put(_put(frame, fault.column, rows, second), fault.later, rows, first)
    return _put(frame, fault.column, rows, _wrong_values(frame[fault.column][rows], fault, rng))


def _wrong_values(right: pl.Series, fault: Fault, rng: np.random.Generator) -> pl.Series:
    match fault.kind:
        case "wrong_check_digit":
            return pl.Series(with_wrong_check(right.to_numpy().astype("U18")), dtype=pl.String)
        case "missing_required":
            return pl.Series([None] * len(right), dtype=right.dtype)
        case "future_date":
            return pl.Series(FUTURE + rng.integers(0, 300, len(right)), dtype=pl.Date)
        case "negative_amount":
            return -right
        case _:
            return pl.Series([UNKNOWN_CODE] * len(right), dtype=pl.String)


def _put(frame: pl.DataFrame, column: str, rows: Rows, values: pl.Series) -> pl.DataFrame:
    return frame.with_columns(frame[column].scatter(rows, values))
