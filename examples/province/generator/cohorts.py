"""What the two banks hold: their loans with outcomes, a list to score, and the consents behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.province.generator.firms import FIRST_MONTH, MONTHS, Firms, Floats

BAD_RATE = 0.15
OBSERVED_MONTHS = 6  # observation dates are the last days of the panel's last six months
STRANGERS_SHARE = 0.03  # of the score list: valid codes that no register knows
WITHOUT_CONSENT_SHARE = 0.08  # of the score list
COHORT_WITHOUT_CONSENT = 0.02
BANK_A_SHARE, BANK_B_SHARE, LIST_SHARE = 0.45, 0.20, 0.30  # of the province's firms
PURPOSE = "credit_modelling"
CONSENT_FROM, CONSENT_TO = "2025-01-01", "2036-12-31"

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BankFiles:
    bank_a_cohort: pl.DataFrame
    bank_b_cohort: pl.DataFrame
    bank_a_score_list: pl.DataFrame
    consents: pl.DataFrame
    withdrawal: pl.DataFrame

    def named(self) -> dict[str, pl.DataFrame]:
        return {name: getattr(self, name) for name in self.__slots__}


def make_bank_files(firms: Firms, faulty: frozenset[str], rng: np.random.Generator) -> BankFiles:
    """``faulty`` are codes whose register row was spoilt: the firm that withdraws must not be one of them."""
    count = len(firms)
    risk = _risk(firms, rng)
    shuffled = rng.permutation(count)
    of_a, of_list = np.split(shuffled, [round(BANK_A_SHARE * count)])
    of_list = of_list[: round(LIST_SHARE * count * (1 - STRANGERS_SHARE))]
    of_b = rng.permutation(count)[: round(BANK_B_SHARE * count)]
    silent = round(WITHOUT_CONSENT_SHARE * LIST_SHARE * count)
    consents = pl.concat(
        [
            _consents(firms, "bank_a", _most(of_a, rng)),
            _consents(firms, "bank_a", of_list[silent:]),
            _consents(firms, "bank_b", _most(of_b, rng)),
        ]
    )
    leaver = next(code for code in firms.codes[of_list[silent:]] if code not in faulty)
    return BankFiles(
        bank_a_cohort=_cohort("A", firms, of_a, risk, rng),
        bank_b_cohort=_cohort("B", firms, of_b, risk, rng),
        bank_a_score_list=_score_list(firms, of_list, round(LIST_SHARE * count) - len(of_list), rng),
        consents=consents,
        withdrawal=consents.filter(pl.col("identifier") == leaver, pl.col("institution") == "bank_a").with_columns(
            action=pl.lit("withdraw")
        ),
    )


def observation_days() -> NDArray[np.datetime64]:
    """Last days of the months in which banks look."""
    return (FIRST_MONTH + MONTHS - OBSERVED_MONTHS + 1 + np.arange(OBSERVED_MONTHS)).astype("datetime64[D]") - 1


def _risk(firms: Firms, rng: np.random.Generator) -> Floats:
    """Firms × observation dates: log-odds of default but for a constant. What no department sees is the noise."""
    recent = np.stack([firms.health[:, m - 3 : m].mean(axis=1) for m in range(MONTHS - OBSERVED_MONTHS + 1, MONTHS + 1)], axis=1)
    trend = recent - firms.health[:, [0]]
    young = (firms.established > np.datetime64("2022-01-01")).astype(np.float64)[:, None]
    small = 12.0 - firms.size[:, None]
    return -1.9 * recent - 0.3 * trend + 0.5 * young + 0.25 * small + 0.4 * rng.standard_normal((len(firms), 1))


def _cohort(prefix: str, firms: Firms, members: Rows, risk: Floats, rng: np.random.Generator) -> pl.DataFrame:
    """One loan per firm. Outcomes are drawn from the risk, with the constant set so that the bad rate is BAD_RATE."""
    seen = rng.integers(0, OBSERVED_MONTHS, len(members))
    pressure = risk[members, seen] - _logistic_noise(len(members), rng)
    bad = pressure > np.quantile(pressure, 1 - BAD_RATE)
    return pl.DataFrame(
        {
            "row_id": [f"{prefix}{number:06d}" for number in range(1, len(members) + 1)],
            "uscc": firms.codes[members],
            "observation_date": observation_days()[seen],
            "label": bad.astype(np.int64),
        }
    )


def _logistic_noise(count: int, rng: np.random.Generator) -> Floats:
    """Adding it to log-odds and cutting at a threshold draws the outcome with exactly those odds."""
    return rng.logistic(size=count)


def _score_list(firms: Firms, members: Rows, strangers: int, rng: np.random.Generator) -> pl.DataFrame:
    codes = np.concatenate([firms.codes[members], firms.strangers[:strangers]])
    return pl.DataFrame(
        {
            "row_id": [f"S{number:06d}" for number in range(1, len(codes) + 1)],
            "uscc": codes[rng.permutation(len(codes))],
            "observation_date": np.full(len(codes), observation_days()[-1]),
        }
    )


def _most(members: Rows, rng: np.random.Generator) -> Rows:
    return members[rng.random(len(members)) >= COHORT_WITHOUT_CONSENT]


def _consents(firms: Firms, institution: str, members: Rows) -> pl.DataFrame:
    fixed = {"institution": institution, "purpose": PURPOSE, "valid_from": CONSENT_FROM, "valid_to": CONSENT_TO, "action": "grant"}
    return pl.DataFrame({"identifier": firms.codes[members]}).with_columns(**{k: pl.lit(v) for k, v in fixed.items()})
