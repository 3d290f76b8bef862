"""Logistic regression with a ridge, by Newton's method (iteratively reweighted least squares). A few columns, any number of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandbox.modelling.binning import Floats

MOST_STEPS = 50
CLOSE_ENOUGH = 1e-10  # largest change of a coefficient in the last step
_ROWS_AT_ONCE = 65_536


def fit_logistic(rows: Floats, labels: NDArray[np.int8], ridge: float) -> Floats:
    """Intercept and coefficients, shape (1 + features,), that minimise -log-likelihood + ridge/2 · |coefficients|².

    The intercept carries no penalty. Steps are halved while they make things worse; complete separation therefore needs ridge > 0,
    and without one ends after MOST_STEPS. Method: McCullagh and Nelder, Generalized Linear Models (1989), 2.5.
    """
    beta = np.zeros(rows.shape[1] + 1)
    rate = float(labels.mean())
    beta[0] = np.log(rate / (1.0 - rate))
    penalty = np.full(beta.size, float(ridge))
    penalty[0] = 0.0
    loss = _loss(rows, labels, beta, penalty)
    for _ in range(MOST_STEPS):
        step = _newton_step(rows, labels, beta, penalty)
        beta, loss, moved = _walk(rows, labels, beta, step, penalty, loss)
        if moved < CLOSE_ENOUGH:
            break
    return beta


def _walk(rows: Floats, labels: NDArray[np.int8], beta: Floats, step: Floats, penalty: Floats, loss: float) -> tuple[Floats, float, float]:
    """The whole step, or half of it, a quarter, … the first that does not raise the loss; no step when none does."""
    for halvings in range(20):
        part = step / 2.0**halvings
        trial = _loss(rows, labels, beta + part, penalty)
        if trial <= loss:
            return beta + part, trial, float(np.abs(part).max())
    return beta, loss, 0.0


def _loss(rows: Floats, labels: NDArray[np.int8], beta: Floats, penalty: Floats) -> float:
    margin = beta[0] + rows @ beta[1:]
    return float((np.logaddexp(0.0, margin) - labels * margin).sum() + 0.5 * (penalty * beta**2).sum())


def _newton_step(rows: Floats, labels: NDArray[np.int8], beta: Floats, penalty: Floats) -> Floats:
    gradient = -penalty * beta
    curvature = np.diag(penalty)
    for start in range(0, labels.size, _ROWS_AT_ONCE):  # in slices: one slice of the design matrix in memory, sums in a fixed order
        design = _with_ones(rows[start : start + _ROWS_AT_ONCE])
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -700.0, 700.0)))
        gradient = gradient + design.T @ (labels[start : start + _ROWS_AT_ONCE] - chance)
        curvature = curvature + design.T @ (design * (chance * (1.0 - chance))[:, None])
    return np.asarray(np.linalg.lstsq(curvature, gradient, rcond=None)[0], dtype=np.float64)


def _with_ones(rows: Floats) -> Floats:
    return np.column_stack([np.ones(rows.shape[0]), rows])
