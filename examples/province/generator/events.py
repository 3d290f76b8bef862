"""Tables of things that happen: court enforcement and administrative penalties. Both come more often to firms in bad health."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.province.generator.firms import Firms, Floats, months

# What the department knows today; cases closed later are still open in the file.
EXTRACTED = np.datetime64("2026-10-31", "D")
CLOSE_WAYS = ("performed", "terminated", "settled")
PENALTY_KINDS = ("warning", "fine", "confiscation", "suspension")
NO_DATE = np.datetime64("NaT", "D")


def enforcement(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """Cases against firms. How a case ended is written into its row when it ends, long after the filing."""
    firm, filed = _happenings(firms, np.exp(-5.0 - 1.0 * firms.health), rng)
    count = len(firm)
    ends = filed + rng.integers(60, 500, count)
    closed = np.where(ends <= EXTRACTED, ends, NO_DATE)
    way = np.where(np.isnat(closed), "", rng.choice(np.array(CLOSE_WAYS), count, p=[0.35, 0.5, 0.15]))
    amount = np.round(np.exp(11.0 + 1.2 * rng.standard_normal(count)), 2)
    unpaid = np.select([way == "performed", way == "settled"], [0.0, amount * 0.3], amount * rng.uniform(0.6, 1.0, count))
    return pl.DataFrame(
        {
            "exec_case_no": [f"（{str(day)[:4]}）样3399执{number}号" for number, day in enumerate(filed, start=1)],
            "subject_id": firms.codes[firm],
            "exec_amount": amount,
            "unpaid_amount": np.round(unpaid, 2),
            "filing_date": filed,
            "close_date": closed,
            "close_way": way,
            "src_updated_at": filed + 1,
        }
    ).with_columns(pl.col("close_way").replace("", None))


def penalties(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """Administrative penalties, public for a year, published within seven working days."""
    firm, decided = _happenings(firms, np.exp(-4.9 - 0.5 * firms.health), rng)
    count = len(firm)
    return pl.DataFrame(
        {
            "uscc": firms.codes[firm],
            "penalty_no": [f"样罚字〔{str(day)[:4]}〕第{number}号" for number, day in enumerate(decided, start=1)],
            "penalty_kind": rng.choice(np.array(PENALTY_KINDS), count, p=[0.35, 0.5, 0.1, 0.05]),
            "fine_amount": np.round(np.exp(8.5 + rng.standard_normal(count)), 2),
            "decide_date": decided,
            "publicity_to": decided + 365,
            "repaired": (rng.random(count) < 0.2).astype(np.int64),
            "authority": np.full(count, "样例市监督机关"),
            "src_updated_at": decided + rng.integers(2, 10, count),
        }
    )


def _happenings(firms: Firms, rate: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Firm index and day of each event; ``rate`` is per firm and month."""
    times = rng.poisson(rate * firms.alive())
    firm, month = np.nonzero(times)
    repeats = times[firm, month]
    firm, month = np.repeat(firm, repeats), np.repeat(month, repeats)
    first: NDArray[np.datetime64] = months()[month].astype("datetime64[D]")
    days = np.asarray(first + rng.integers(0, 28, len(firm)), dtype="datetime64[D]")
    order = np.argsort(days, kind="stable")
    return firm[order], days[order]
