"""Which columns know the outcome? ``python -m examples.sba.late_columns --csv PATH`` measures and prints.

ChgOffDate and ChgOffPrinGr say so by name. ``Term`` does not: it looks like something agreed at approval. But nine in ten repaid loans
run whole years and one in ten charged-off loans does, and with it a model tells the two apart almost surely: it was rewritten after the
approval. It is not simply the age at charge-off (``term_is_months_to_charge_off`` is small), so how it was rewritten is not known.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

from examples.sba.plain import COLUMNS, known_loans, later_auc, step, without_unexplained_codes

MONTHS = 12


def late_figures(loans: pl.DataFrame) -> dict[str, float]:
    """Figures for ``Term`` and the columns beside it; shares are of loans, AUCs on the later years."""
    columns = [COLUMNS[name] for name in step()["inputs"]["features"]]
    loans = without_unexplained_codes(loans)
    dated = _with_ages(loans)
    bad, good = dated.filter(pl.col("bad") == 1), dated.filter(pl.col("bad") == 0)
    closed = bad.filter(pl.col("ChgOffDate").is_not_null())
    return {
        "auc_without_term": later_auc(loans, columns),
        "auc_with_term": later_auc(loans, [*columns, "Term"]),
        "auc_with_disbursed_amount": later_auc(loans, [*columns, "DisbursementGross"]),
        "whole_years_if_repaid": _share(good, pl.col("term") % MONTHS == 0),
        "whole_years_if_charged_off": _share(bad, pl.col("term") % MONTHS == 0),
        "whole_years_if_repaid_since_2004": _share(good.filter(pl.col("year") >= 2004), pl.col("term") % MONTHS == 0),
        "whole_years_if_charged_off_since_2004": _share(bad.filter(pl.col("year") >= 2004), pl.col("term") % MONTHS == 0),
        "term_is_months_to_charge_off": _share(closed, (pl.col("term") - pl.col("months_from_approval")).abs() <= 1),
        "charge_off_date_if_charged_off": _share(bad, pl.col("ChgOffDate").is_not_null()),
        "charge_off_date_if_repaid": _share(good, pl.col("ChgOffDate").is_not_null()),
    }


def _with_ages(loans: pl.DataFrame) -> pl.DataFrame:
    """Months from approval to charge-off, by calendar month. All two-digit years here lie in 1969–2068."""
    charged = pl.col("ChgOffDate").str.to_date("%d-%b-%y")
    approved = pl.col("ApprovalDate").str.to_date("%m/%d/%Y")
    months = (charged.dt.year() - approved.dt.year()) * MONTHS + charged.dt.month().cast(pl.Int32) - approved.dt.month()
    return loans.with_columns(term=pl.col("Term").cast(pl.Int64), months_from_approval=months)


def _share(loans: pl.DataFrame, condition: pl.Expr) -> float:
    return float(loans.select(condition.mean()).item())


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure which columns of the SBA loans are known only after the outcome.")
    parser.add_argument("--csv", type=Path, required=True)
    figures = late_figures(known_loans(parser.parse_args().csv))
    for name, value in figures.items():
        print(f"{name:40} {value:.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
