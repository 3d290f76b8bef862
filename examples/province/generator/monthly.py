"""Tables that repeat by period: VAT declarations, social insurance, electricity. Health moves all three, each with its own noise."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.province.generator.firms import INDUSTRIES, MONTHS, Firms, Floats, months

# Calendar month 1…12: a trough at the Spring Festival, a peak before the year's end; air conditioning in summer.
SALES_SEASON = np.array([-0.25, -0.45, 0.0, 0.02, 0.05, 0.05, 0.0, 0.0, 0.05, 0.08, 0.1, 0.15])
POWER_SEASON = np.array([-0.2, -0.5, -0.05, 0.0, 0.05, 0.15, 0.3, 0.35, 0.15, 0.0, 0.0, 0.05])
VAT_RATE = 0.13
CONTRIBUTION_RATE = 0.25
TARIFF = 0.72  # yuan per kWh
INSURED_SHARE = 0.85
POWER_SHARE = 0.70

Cells = NDArray[np.int64]
Days = NDArray[np.datetime64]


def vat_declarations(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """General taxpayers monthly, small-scale ones for each quarter; filed by day 15 of the next month, distressed firms later."""
    sales = _sales(firms, rng)
    quarter = sales.reshape(len(firms), -1, 3).sum(axis=2).repeat(3, axis=1)
    files = firms.alive() & (firms.general[:, None] | (np.arange(MONTHS) % 3 == 2))
    firm, month = np.nonzero(files)
    amount = np.where(firms.general[firm], sales[firm, month], quarter[firm, month])
    amount[rng.random(len(firm)) < _chance(-4.0 - 1.2 * firms.health[firm, month])] = 0.0
    exempt = np.where(rng.random(len(firm)) < 0.1, amount * 0.2, 0.0)
    declared = _days_after(month, rng.integers(3, 15, len(firm)) + _late(firms.health[firm, month], rng))
    output = amount * VAT_RATE
    paid_in = output * rng.beta(6, 2, len(firm))
    return pl.DataFrame(
        {
            "uscc": firms.codes[firm],
            "period": _periods(month),
            "period_end": _days_after(month, np.zeros_like(month)),
            "taxpayer_kind": np.where(firms.general[firm], "general", "small"),
            "sales_taxable": np.round(amount, 2),
            "sales_exempt": np.round(exempt, 2),
            "output_tax": np.round(output, 2),
            "input_tax": np.round(paid_in, 2),
            "tax_payable": np.round(output - paid_in, 2),
            "declare_date": declared,
            "is_zero": (amount == 0).astype(np.int64),
            "src_updated_at": declared + 5,
        }
    )


def social_insurance(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """Heads per month; insured(t) = insured(t-1) + new_hires - leavers. Distress shows as leavers and contributions unpaid."""
    heads, hires, leavers = _headcount(firms, rng)
    insured = rng.random(len(firms)) < INSURED_SHARE
    firm, month = np.nonzero(firms.alive() & insured[:, None])
    base = heads[firm, month] * np.round(5200 * np.exp(0.2 * rng.standard_normal(len(firm))), 2)
    payable = base * CONTRIBUTION_RATE
    short = rng.random(len(firm)) < _chance(-3.4 - 1.2 * firms.health[firm, month])
    return pl.DataFrame(
        {
            "uscc": firms.codes[firm],
            "period": _periods(month),
            "period_end": _days_after(month, np.zeros_like(month)),
            "insured_count": heads[firm, month],
            "pay_base_total": np.round(base, 2),
            "payable": np.round(payable, 2),
            "paid": np.round(payable * np.where(short, rng.uniform(0.0, 0.8, len(firm)), 1.0), 2),
            "new_hires": hires[firm, month],
            "leavers": leavers[firm, month],
            "src_updated_at": _days_after(month, rng.integers(10, 16, len(firm))),
        }
    )


def electricity(firms: Firms, rng: np.random.Generator) -> pl.DataFrame:
    """One account for each firm that has one; late payment is the clearest early sign of distress."""
    has_account = rng.random(len(firms)) < POWER_SHARE
    accounts = np.array([f"99{number:010d}" for number in rng.permutation(len(firms))])
    usual = firms.size - 4.5 + np.array([i.power for i in INDUSTRIES])[firms.industry] + 0.5 * rng.standard_normal(len(firms))
    firm, month = np.nonzero(firms.alive() & has_account[:, None])
    health = firms.health[firm, month]
    kwh = np.exp(usual[firm] + 0.30 * health + POWER_SEASON[_calendar(month)] + 0.2 * rng.standard_normal(len(firm)))
    fee = kwh * TARIFF * np.exp(0.1 * rng.standard_normal(len(firm)))
    late = rng.random(len(firm)) < _chance(-2.6 - 1.1 * health)
    days = np.where(late, 1 + rng.gamma(1.5, 12.0, len(firm)).astype(np.int64), 0)
    return pl.DataFrame(
        {
            "uscc": firms.codes[firm],
            "account_no": accounts[firm],
            "period": _periods(month),
            "read_date": _days_after(month, np.zeros_like(month)),
            "kwh": np.round(kwh, 2),
            "fee": np.round(fee, 2),
            "contract_kva": np.ceil(np.exp(usual[firm] + 1.6) / (24 * 30) / 5) * 5 + 5,
            "overdue_days": days,
            "overdue_amount": np.round(np.where(late, fee * rng.uniform(0.2, 1.0, len(firm)), 0.0), 2),
            "is_suspended": (days > 45).astype(np.int64),
            "src_updated_at": _days_after(month, rng.integers(6, 11, len(firm))),
        }
    )


def _sales(firms: Firms, rng: np.random.Generator) -> Floats:
    """Firms × months, yuan."""
    season = SALES_SEASON[_calendar(np.arange(MONTHS))]
    return np.asarray(np.exp(firms.size[:, None] + 0.35 * firms.health + season + 0.25 * rng.standard_normal(firms.health.shape)))


def _headcount(firms: Firms, rng: np.random.Generator) -> tuple[Cells, Cells, Cells]:
    """Insured heads, hires and leavers, firms × months; at least one person stays."""
    people = np.array([i.people for i in INDUSTRIES])[firms.industry]
    start = np.maximum(1, np.exp(0.7 * (firms.size - 9.0) + people + 0.3 * rng.standard_normal(len(firms)))).astype(np.int64)
    heads, hires, leavers = (np.empty((len(firms), MONTHS), dtype=np.int64) for _ in range(3))
    for month in range(MONTHS):
        health = firms.health[:, month]
        leavers[:, month] = np.minimum(rng.poisson(start * 0.03 * np.exp(-0.45 * health)), start - 1)
        hires[:, month] = rng.poisson(start * 0.03 * np.exp(0.35 * health))
        start = start + hires[:, month] - leavers[:, month]
        heads[:, month] = start
    return heads, hires, leavers


def _chance(logit: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logit))


def _late(health: Floats, rng: np.random.Generator) -> Cells:
    """Days past the filing deadline."""
    return np.where(rng.random(len(health)) < _chance(-3.2 - 1.0 * health), rng.integers(5, 40, len(health)), 0)


def _periods(month: Cells) -> NDArray[np.str_]:
    return np.array([str(m).replace("-", "") for m in months()])[month]


def _calendar(month: Cells) -> Cells:
    return (months()[month].astype(np.int64) % 12).astype(np.int64)


def _days_after(month: Cells, days: Cells) -> Days:
    """The day of the month after the period; day 0 is the period's last."""
    return np.asarray((months()[month] + 1).astype("datetime64[D]") + days - 1, dtype="datetime64[D]")
