"""Market regulation's register of enterprises: the one public list that matching uses."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.province.generator.firms import CITIES, INDUSTRIES, Firms
from examples.province.generator.identifiers import registration_numbers, resident_numbers
from examples.province.generator.names import firm_names, people

# As of the extract: the register is one snapshot, taken before the first observation date.
EXTRACTED = np.datetime64("2025-02-01", "D")
ENTERPRISE_TYPES = ("1130", "1151", "1190", "4540")
STATUSES = ("存续", "吊销", "注销", "迁出")
SCALES = ("大型", "中型", "小型", "微型")
LARGE, MEDIUM, SMALL = 15.5, 14.0, 12.0  # log of monthly sales


def enterprise_base(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """One row per firm."""
    count = len(firms)
    capital = np.round(1 + np.exp(firms.size - 8.0 + 0.8 * rng.standard_normal(count)), 2)
    city = np.array([name for name, _, _ in CITIES])[firms.city]
    approved = np.minimum(firms.established + rng.integers(1, 900, count), EXTRACTED)
    return pl.DataFrame(
        {
            "uscc": firms.codes,
            "ent_name": firm_names(city, np.array([i.word for i in INDUSTRIES])[firms.industry], rng),
            "reg_no": registration_numbers(count, rng),
            "ent_type": rng.choice(np.array(ENTERPRISE_TYPES), count, p=[0.55, 0.3, 0.1, 0.05]),
            "legal_rep_name": people(count, rng),
            "legal_rep_id": resident_numbers(count, rng),
            "est_date": firms.established,
            "reg_capital_wan": capital,
            "reg_capital_ccy": np.full(count, "CNY"),
            "paid_in_capital_wan": np.round(capital * rng.beta(2, 1.5, count), 2),
            "industry_code": np.array([i.code for i in INDUSTRIES])[firms.industry],
            "division_code": np.array([code for _, code, _ in CITIES])[firms.city],
            "address": np.strings.add(city, "市样例路1号"),
            "biz_status": _status(firms, rng),
            "approve_date": np.maximum(approved, firms.established),
            "scale_flag": _scale(firms),
            "src_updated_at": np.maximum(approved, firms.established) + 1,
        }
    )


def _status(firms: Firms, rng: np.random.Generator) -> NDArray[np.str_]:
    """Nearly all are in business; the sickest are more often struck off."""
    gone = rng.random(len(firms)) < np.where(firms.health[:, 0] < -2, 0.08, 0.004)
    return np.where(gone, np.array(STATUSES)[rng.integers(1, 4, len(firms))], STATUSES[0])


def _scale(firms: Firms) -> NDArray[np.str_]:
    band = np.select([firms.size > LARGE, firms.size > MEDIUM, firms.size > SMALL], [0, 1, 2], 3)
    return np.asarray(np.array(SCALES)[band])
