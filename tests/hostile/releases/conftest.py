"""A small province to train on: 8,000 firms with 15 % bads, every threshold grid registered, and the two ways through the checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from sandbox.airlock.checks import jailed_evidence, jailed_parse
from sandbox.airlock.checks.metrics import limits_of
from sandbox.airlock.checks.verdict import Case, verdict
from sandbox.airlock.examine import Artefact, Examined, examine
from sandbox.airlock.policies import DEFAULT
from sandbox.modelling.canonical import emit_model, parse_model
from sandbox.modelling.params import validate_params
from sandbox.modelling.trees import to_raw_units, train_forest

ROWS = 8_000


@dataclass(frozen=True)
class Province:
    columns: dict[str, np.ndarray]
    labels: np.ndarray
    trains: np.ndarray
    grid: dict[str, list[float]]

    @property
    def features(self) -> list[str]:
        return list(self.columns)

    def table(self, subjects: np.ndarray | None = None) -> pa.Table:
        extra = {} if subjects is None else {"subject": pa.array(subjects, pa.int32())}
        months = pa.array(np.full(len(self.labels), 202401), pa.int32())
        partition = (~self.trains).astype(np.int8)
        return pa.table({**self.columns, "label": self.labels, "observation_month": months, "partition": partition, **extra})

    def honest(self, **params: object) -> str:
        """The platform's trainer: depth 4, at least 100 rows per leaf, unless told otherwise."""
        chosen = validate_params("lightgbm", {"max_depth": 4, "min_data_in_leaf": 100, "num_iterations": 60, **params})
        columns = {name: values[self.trains] for name, values in self.columns.items()}
        return emit_model(train_forest(columns, self.labels[self.trains], self.grid, chosen, seed=1, threads=1).forest)

    def plain(self, labels: np.ndarray | None = None, **params: object) -> str:
        """A bank's own LightGBM on the same grid, in its own full text, thresholds moved onto the grid."""
        indices = np.column_stack(
            [np.searchsorted(self.grid[name], values, side="left").astype(float) for name, values in self.columns.items()]
        )
        indices[np.column_stack([np.isnan(values) for values in self.columns.values()])] = np.nan
        target = (self.labels if labels is None else labels)[self.trains]
        settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, **params}
        rounds = int(settings.pop("rounds", 100))
        data = lgb.Dataset(indices[self.trains], target, feature_name=self.features)
        text = lgb.train(settings, data, rounds).model_to_string()
        return emit_model(to_raw_units(parse_model(text), tuple(self.features), self.grid))


@pytest.fixture(scope="session")
def province() -> Province:
    random = np.random.default_rng(0)
    values = np.round(random.lognormal(0, 1, (ROWS, 8)), 3)
    values[random.random(values.shape) < 0.05] = np.nan
    known = np.log(np.nan_to_num(values, nan=1.0) + 0.01)
    risk = known @ np.linspace(0.5, -0.3, 8) + random.normal(0, 1, ROWS)
    labels = (risk > np.quantile(risk, 0.85)).astype(np.int8)
    columns = {f"field_{number}": values[:, number] for number in range(8)}
    levels = np.linspace(0, 1, 33)[1:-1]
    grid = {name: sorted({float(f"{edge:.3g}") for edge in np.nanquantile(column, levels)}) for name, column in columns.items()}
    return Province(columns, labels, np.arange(ROWS) % 10 < 7, grid)


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


@pytest.fixture
def judged(province: Province) -> Callable[..., Examined]:
    """Both jailed entries called as functions, then the parent's verdict; the way through real jails is ``through_jails``."""

    def run(
        text: str | bytes, *, origin: str = "train", params: Mapping[str, object] | None = None, subjects: np.ndarray | None = None
    ) -> Examined:
        data = text.encode() if isinstance(text, str) else text
        limits = limits_of(DEFAULT)
        canonical, parsed = jailed_parse.examine("model.trees", data, province.features, limits)
        declared = {"min_data_in_leaf": 100, "max_depth": 4} if params is None else params
        measured = None
        if canonical:
            request = {"type": "model.trees", "features": province.features, "grid": province.grid, "limits": limits}
            request |= {"algorithm": "lightgbm", "params": declared}
            measured = json.dumps(jailed_evidence.measure(request, canonical, province.table(subjects))).encode()
        case = Case("model.trees", origin, sha256(data), json.dumps(parsed).encode(), measured, sha256(data), "lightgbm", declared)
        return Examined(verdict(case, DEFAULT), canonical)

    return run


@pytest.fixture
def through_jails(province: Province, jail_environment: Path, tmp_path: Path) -> Callable[..., Examined]:
    """The same through jails A and B."""

    def run(text: str | bytes, *, origin: str = "train", params: Mapping[str, object] | None = None) -> Examined:
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / "model.txt").write_bytes(data)
        rows = tmp_path / "rows.arrow"
        table = province.table()
        with pa.OSFile(str(rows), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        declared = {"min_data_in_leaf": 100, "max_depth": 4} if params is None else params
        artefact = Artefact(
            "model.trees", tmp_path / "model.txt", origin, province.features, province.grid, rows, "lightgbm", declared, sha256(data)
        )
        return examine(artefact, DEFAULT, jail_environment, tmp_path)

    return run


@pytest.fixture(params=["as functions", "through jails"])
def gate(request: pytest.FixtureRequest) -> Callable[..., Examined]:
    return request.getfixturevalue("judged" if request.param == "as functions" else "through_jails")
