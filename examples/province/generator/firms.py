"""The province's subjects: who the firms are, and the hidden health that everything seen of them follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.province.generator.identifiers import Codes, credit_codes

FIRST_MONTH = np.datetime64("2024-04", "M")
MONTHS = 18
PERSISTENCE = 0.95  # month-to-month memory of health
GENERAL_TAXPAYERS = 0.25  # they declare VAT monthly, the others quarterly

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Industry:
    """GB/T 4754 class with its section letter; ``weight`` of firms; ``power`` and ``people`` relative to sales (log)."""

    code: str
    word: str
    weight: float
    power: float
    people: float


INDUSTRIES = (
    Industry("C1751", "纺织", 0.12, 0.9, 0.2),
    Industry("C3484", "五金", 0.13, 0.8, 0.1),
    Industry("C2927", "塑料", 0.08, 1.0, 0.0),
    Industry("C3952", "电器", 0.07, 0.5, 0.1),
    Industry("E4790", "建筑", 0.10, -0.6, 0.3),
    Industry("F5131", "贸易", 0.22, -1.2, -0.4),
    Industry("F5299", "商贸", 0.11, -0.9, -0.2),
    Industry("G5430", "货运", 0.06, -1.0, 0.0),
    Industry("H6210", "餐饮", 0.05, 0.3, 0.4),
    Industry("I6510", "软件", 0.06, -1.1, 0.3),
)

# (name, a district's code, weight): the address only; identifiers never carry an assigned division.
CITIES = (
    ("杭州", "330106", 0.20),
    ("宁波", "330203", 0.18),
    ("温州", "330302", 0.14),
    ("嘉兴", "330402", 0.09),
    ("湖州", "330502", 0.06),
    ("绍兴", "330602", 0.09),
    ("金华", "330702", 0.10),
    ("衢州", "330802", 0.03),
    ("舟山", "330902", 0.02),
    ("台州", "331002", 0.07),
    ("丽水", "331102", 0.02),
)


@dataclass(frozen=True, slots=True)
class Firms:
    """One entry per firm; ``health`` is firms × months, about N(0, 1), low = distressed. ``strangers`` are codes of no firm."""

    codes: Codes
    strangers: Codes
    industry: NDArray[np.int64]
    city: NDArray[np.int64]
    established: NDArray[np.datetime64]
    size: Floats  # log of usual monthly sales in yuan
    general: NDArray[np.bool_]
    health: Floats

    def __len__(self) -> int:
        return len(self.codes)

    def alive(self) -> NDArray[np.bool_]:
        """Firms × months: whether the firm existed when the month began."""
        return self.established.astype("datetime64[M]")[:, None] < months()[None, :]


def months() -> NDArray[np.datetime64]:
    """The panel's months."""
    return FIRST_MONTH + np.arange(MONTHS)


def make_firms(count: int, rng: np.random.Generator) -> Firms:
    """``count`` firms and a tenth as many strangers; codes never collide because they are drawn together."""
    strangers = max(10, count // 10)
    codes = credit_codes(count + strangers, rng)
    size = 11.3 + 1.1 * rng.standard_normal(count)
    return Firms(
        codes=codes[:count],
        strangers=codes[count:],
        industry=rng.choice(len(INDUSTRIES), count, p=_shares([i.weight for i in INDUSTRIES])),
        city=rng.choice(len(CITIES), count, p=_shares([weight for _, _, weight in CITIES])),
        established=_established(count, rng),
        size=size,
        general=rng.random(count) < GENERAL_TAXPAYERS + 0.2 * (size > 12),
        health=_health(count, rng),
    )


def _health(count: int, rng: np.random.Generator) -> Floats:
    """A stationary first-order process: distress comes slowly, lasts, and may pass."""
    health = np.empty((count, MONTHS))
    health[:, 0] = rng.standard_normal(count)
    for month in range(1, MONTHS):
        health[:, month] = PERSISTENCE * health[:, month - 1] + np.sqrt(1 - PERSISTENCE**2) * rng.standard_normal(count)
    return health


def _established(count: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Ages are exponential with a mean of seven years, at most forty; the youngest are founded within the panel."""
    days = np.minimum(rng.exponential(7 * 365, count), 40 * 365).astype(np.int64)
    return np.datetime64("2025-01-31", "D") - days


def _shares(weights: list[float]) -> Floats:
    return np.array(weights) / sum(weights)
