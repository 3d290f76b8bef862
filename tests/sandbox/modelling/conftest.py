"""Rows to train on: made up, with what real tables have (missing values, codes, a constant, an empty column)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sandbox.modelling.binning import coarse_grid
from sandbox.modelling.params import validate_params
from sandbox.modelling.request import TrainingRequest
from sandbox.modelling.table import LabelledRows


@pytest.fixture(scope="session")
def lending_rows() -> LabelledRows:
    """4,000 rows, about 20 % bads, 30 % in the test partition."""
    random = np.random.default_rng(5)
    n = 4000
    turnover, debt = random.lognormal(10, 1, n), random.lognormal(8, 1, n)
    arrears = random.integers(0, 4, n).astype(np.float64)
    debt[random.random(n) < 0.15] = np.nan
    risk = -1.8 + 0.6 * arrears - 0.3 * (np.log(turnover) - 10) + 0.8 * np.isnan(debt)
    labels = (random.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int8)
    columns = {"turnover": turnover, "debt": debt, "arrears": arrears, "same": np.ones(n), "unknown": np.full(n, np.nan)}
    return LabelledRows(columns, labels, random.random(n) < 0.7)


RequestFor = Callable[..., TrainingRequest]


@pytest.fixture
def request_for() -> RequestFor:
    """A request over all columns of some rows, on the grid of those rows."""

    def make(rows: LabelledRows, algorithm: str, *, threads: int = 1, **params: float) -> TrainingRequest:
        grid = {name: tuple(coarse_grid(values)) for name, values in rows.columns.items()}
        return TrainingRequest(algorithm, tuple(rows.columns), grid, validate_params(algorithm, params), threads, 7)

    return make
