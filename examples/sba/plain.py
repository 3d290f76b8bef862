"""The same model without the box: plain LightGBM on the file itself, same columns, same parameters, same division by approval year.

``python -m examples.sba.plain --csv PATH`` prints the test AUC. Values come as the file has them: no bands, no rounding, no grid. Only
codes that the source does not explain are left empty, as the contract leaves them; a second figure says what keeping them would give.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from examples.sba.split import LABELS, OUTCOME, read_loans

PROJECT = Path(__file__).parent / "glovebox.yaml"
STEP = "train_trees"
# Feature of the project → column of the file.
COLUMNS = {
    "state": "State",
    "sector": "NAICS",
    "employees": "NoEmp",
    "new_or_existing": "NewExist",
    "jobs_created": "CreateJob",
    "jobs_retained": "RetainedJob",
    "franchise": "FranchiseCode",
    "urban_rural": "UrbanRural",
    "revolving": "RevLineCr",
    "low_doc": "LowDoc",
    "approved_amount": "GrAppv",
    "guaranteed_amount": "SBA_Appv",
}
TEXTS = ("State", "RevLineCr", "LowDoc")
# Read as empty in the box too (nullTokens of the contract).
UNEXPLAINED = {"NAICS": ["0"], "NewExist": ["0"], "UrbanRural": ["0"], "RevLineCr": ["0", "1", "T", "`", ","], "LowDoc": ["C"]}

Floats = NDArray[np.float64]


def step() -> dict[str, Any]:
    """The project's training step."""
    found: dict[str, Any] = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))["steps"][STEP]
    return found


def known_loans(path: Path) -> pl.DataFrame:
    """Loans of known outcome, with ``bad`` and the approval year as numbers."""
    return (
        read_loans(path)
        .filter(pl.col(OUTCOME).is_not_null())
        .with_columns(bad=pl.col(OUTCOME).replace_strict(LABELS, return_dtype=pl.Int64), year=pl.col("ApprovalFY").cast(pl.Int64))
    )


def without_unexplained_codes(loans: pl.DataFrame) -> pl.DataFrame:
    """The same loans, unexplained codes as null."""
    return loans.with_columns(pl.when(~pl.col(column).is_in(codes)).then(column) for column, codes in UNEXPLAINED.items())


def matrix(loans: pl.DataFrame, columns: list[str]) -> Floats:
    """Loans × columns: numbers as written, texts by their place in the alphabet, nothing as NaN."""
    as_number = [(pl.col(c).rank("dense") if c in TEXTS else pl.col(c)).cast(pl.Float64) for c in columns]
    return loans.select(as_number).to_numpy()


def later_auc(loans: pl.DataFrame, columns: list[str]) -> float:
    """Train up to the split's first year, measure on the years after it."""
    job = step()
    split, params = job["split"], {k: v for k, v in job["params"].items() if k not in ("algorithm", "num_iterations")}
    trains = (loans["year"] <= split["train_to"]).to_numpy()
    tests = loans["year"].is_between(split["test_from"], split["test_to"]).to_numpy()
    rows, bad = matrix(loans, columns), loans["bad"].to_numpy()
    fixed = {"objective": "binary", "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1}
    model = lgb.train(fixed | params, lgb.Dataset(rows[trains], bad[trains]), num_boost_round=job["params"]["num_iterations"])
    return float(roc_auc_score(bad[tests], model.predict(rows[tests])))


def plain_auc(loans: pl.DataFrame) -> float:
    """Test AUC on the columns of the project's step."""
    return later_auc(loans, [COLUMNS[name] for name in step()["inputs"]["features"]])


def main() -> None:
    parser = argparse.ArgumentParser(description="Plain LightGBM on the SBA loans, outside the box.")
    parser.add_argument("--csv", type=Path, required=True)
    loans = known_loans(parser.parse_args().csv)
    figures = {"auc_plain": plain_auc(without_unexplained_codes(loans)), "auc_plain_all_codes": plain_auc(loans)}
    print(f"plain LightGBM, {len(step()['inputs']['features'])} columns: test AUC {figures['auc_plain']:.4f}")
    print(f"the same with unexplained codes kept as they are: test AUC {figures['auc_plain_all_codes']:.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
