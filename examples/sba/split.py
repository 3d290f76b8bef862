"""Split the file of loans as life would: ``python -m examples.sba.split --csv PATH --out DIR``.

The department holds the applications, with everything it later learnt about them but the outcome. The bank holds its own outcomes:
loan number, day of approval, whether the loan was charged off. 119 loans of unknown outcome are in the table and not in the cohort.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import polars as pl

OUTCOME = "MIS_Status"
LABELS = {"P I F": 0, "CHGOFF": 1}  # paid in full, charged off


@dataclass(frozen=True, slots=True)
class Halves:
    """``applications``: the department's columns as the file has them. ``cohort``: row_id, loan_number, observation_date, label."""

    applications: pl.DataFrame
    cohort: pl.DataFrame


def read_loans(path: Path) -> pl.DataFrame:
    """Every column as text, exactly as written; an empty cell is null, and is written back as an empty cell."""
    return pl.read_csv(path, infer_schema=False)


def split_loans(loans: pl.DataFrame) -> Halves:
    """Raises ValueError for an outcome that is none of paid, charged off or empty."""
    known = loans.filter(pl.col(OUTCOME).is_not_null())
    strange = set(known[OUTCOME].unique()) - set(LABELS)
    if strange:
        raise ValueError(f"{OUTCOME} holds {len(strange)} unknown values")
    cohort = known.select(
        row_id=pl.format("L{}", pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)),
        loan_number="LoanNr_ChkDgt",
        observation_date=pl.col("ApprovalDate").str.to_date("%m/%d/%Y"),
        label=pl.col(OUTCOME).replace_strict(LABELS, return_dtype=pl.Int64),
    )
    return Halves(loans.drop(OUTCOME), cohort)


def main() -> None:
    parser = argparse.ArgumentParser(description="Split the SBA loans into a department's table and a bank's cohort.")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    halves = split_loans(read_loans(chosen.csv))
    chosen.out.mkdir(parents=True, exist_ok=True)
    halves.applications.write_csv(chosen.out / "sba_applications.csv")
    halves.cohort.write_csv(chosen.out / "bank_cohort.csv")
    print(f"sba_applications.csv {len(halves.applications):,} applications, {len(halves.applications.columns)} columns")
    print(f"bank_cohort.csv      {len(halves.cohort):,} loans of known outcome, {halves.cohort['label'].sum():,} charged off")


if __name__ == "__main__":
    main()
