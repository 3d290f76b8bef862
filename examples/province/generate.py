"""Make the province: ``python -m examples.province.generate --firms 20000 --seed 7 --out DIR``.

Everything it writes is made up. Codes carry a division that is not assigned (339900), so none can belong to a firm or a person.
The same seed and number of firms give the same files, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from examples.province.generator.cohorts import BankFiles, make_bank_files
from examples.province.generator.events import enforcement, penalties
from examples.province.generator.faults import inject
from examples.province.generator.files import write_csv, write_table
from examples.province.generator.firms import Firms, make_firms
from examples.province.generator.monthly import electricity, social_insurance, vat_declarations
from examples.province.generator.register import enterprise_base

NOTICE = "All of this is made up: no firm, person, loan or court case in these files exists. 全部数据均为虚构。"
FEWEST_FIRMS = 500
CONTRACTS = Path(__file__).parent / "contracts"

Make = Callable[[Firms, np.random.Generator], pl.DataFrame]
TABLES: dict[str, Make] = {
    "mr_enterprise_base": enterprise_base,
    "tx_vat_declaration": vat_declarations,
    "hr_si_monthly": social_insurance,
    "pw_electricity_monthly": electricity,
    "ct_enforcement": enforcement,
    "cr_penalty": penalties,
}


@dataclass(frozen=True, slots=True)
class Province:
    """Tables with their faults in them, ``faults`` as table → class → values of ``src_row_id``, and the banks' files."""

    tables: dict[str, pl.DataFrame]
    faults: dict[str, dict[str, list[int]]]
    banks: BankFiles


def make_province(firms: int, seed: int) -> Province:
    """Each part draws from its own stream, so that a change to one table leaves the others as they were.

    Raises ValueError below FEWEST_FIRMS: cohorts would be too small for anything to leave the box.
    """
    if firms < FEWEST_FIRMS:
        raise ValueError(f"a province needs at least {FEWEST_FIRMS} firms")
    streams = iter(np.random.default_rng(seed).spawn(2 + 2 * len(TABLES)))
    subjects = make_firms(firms, next(streams))
    tables, faults = {}, {}
    for name, make in TABLES.items():
        tables[name], faults[name] = inject(name, make(subjects, next(streams)), next(streams))
    spoilt = np.concatenate([np.array(rows) for rows in faults["mr_enterprise_base"].values()]) - 1
    unlisted = frozenset(subjects.codes[spoilt[spoilt < firms]].tolist())
    return Province(tables, faults, make_bank_files(subjects, unlisted, next(streams)))


def write_province(province: Province, folder: Path) -> dict[str, Path]:
    """Write ``tables/``, ``banks/``, ``faults.json`` and ``NOTICE.txt``; returns each table's and bank file's path by name."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    (folder / "banks").mkdir(exist_ok=True)
    paths = {n: write_table(n, t, folder / "tables", headings(n)) for n, t in province.tables.items()}
    for name, frame in province.banks.named().items():
        paths[name] = folder / "banks" / f"{name}.csv"
        write_csv(frame, paths[name])
    counts = {table: {kind: len(rows) for kind, rows in found.items()} for table, found in province.faults.items()}
    record = {"notice": NOTICE, "counts": counts, "rows": province.faults}
    (folder / "faults.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "NOTICE.txt").write_text(NOTICE + "\n", encoding="utf-8")
    return paths


def headings(table: str) -> dict[str, str]:
    """Field → heading in the department's file, as the contract declares it."""
    document: Any = yaml.safe_load((CONTRACTS / f"{table}.yaml").read_text(encoding="utf-8"))
    return {p["name"]: p.get("physicalName", p["name"]) for p in document["schema"][0]["properties"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a small province of invented firms.")
    parser.add_argument("--firms", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    started = time.perf_counter()
    province = make_province(chosen.firms, chosen.seed)
    paths = write_province(province, chosen.out)
    print(NOTICE)
    for name, frame in (province.tables | province.banks.named()).items():
        spoilt = sum(len(rows) for rows in province.faults.get(name, {}).values())
        print(f"{name:24} {len(frame):>9,} rows  {spoilt:>6,} with a fault  {paths[name].relative_to(chosen.out)}")
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
