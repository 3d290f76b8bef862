"""Which training parameters a bank may set, and in what range. Pure, so that the platform asks at submission and the jail asks again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["lightgbm", "scorecard"]
Value = int | float | bool


class ParameterRefused(ValueError):
    """A training parameter, or the algorithm itself, is not on the list. Message code: ``modelling.parameter_refused``."""

    code = "modelling.parameter_refused"

    def __init__(self, name: str, value: object, allowed: str) -> None:
        self.name = name
        self.value = value
        self.allowed = allowed
        super().__init__(name, value, allowed)

    def __str__(self) -> str:
        return f"parameter {self.name}: allowed is {self.allowed}"

    @property
    def params(self) -> dict[str, str]:
        """What fills the message: the value is cut short, because whoever wrote it is not trusted."""
        return {"name": self.name[:64], "value": repr(self.value)[:64], "allowed": self.allowed}


class ParameterUnknown(ParameterRefused):
    """There is no such parameter; ``allowed`` names those there are. Message code: ``modelling.parameter_unknown``."""

    code = "modelling.parameter_unknown"

    @property
    def params(self) -> dict[str, str]:
        return {"name": self.name[:64], "known": self.allowed}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between ``low`` and ``high``, both allowed."""

    low: int
    high: int
    default: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def accept(self, value: object) -> int | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value in (float("inf"), float("-inf")):
            return None
        return int(value) if value == int(value) and self.low <= value <= self.high else None


@dataclass(frozen=True, slots=True)
class Real:
    """A finite number between ``low`` and ``high``, both allowed."""

    low: float
    high: float
    default: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def accept(self, value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if self.low <= value <= self.high else None


@dataclass(frozen=True, slots=True)
class Switch:
    """true or false."""

    default: bool
    allowed: str = "true or false"

    def accept(self, value: object) -> bool | None:
        return value if isinstance(value, bool) else None


Rule = Whole | Real | Switch

# Wide on purpose: an unsafe setting trains, and the airlock's checks on the finished model stop it with their evidence.
# What is missing here (metrics, callbacks, files, linear trees, custom objectives, forced splits) cannot be asked for at all.
LIGHTGBM: dict[str, Rule] = {
    "num_iterations": Whole(1, 500, 120),
    "num_leaves": Whole(2, 255, 12),
    "max_depth": Whole(1, 16, 4),
    "min_data_in_leaf": Whole(1, 1_000_000, 120),
    "learning_rate": Real(0.001, 1.0, 0.05),
    "lambda_l1": Real(0.0, 1000.0, 0.0),
    "lambda_l2": Real(0.0, 1000.0, 10.0),
    "min_gain_to_split": Real(0.0, 1000.0, 0.0),
    "feature_fraction": Real(0.1, 1.0, 0.6),
    "bagging_fraction": Real(0.1, 1.0, 0.7),
    "bagging_freq": Whole(0, 100, 1),
    "is_unbalance": Switch(False),
}

SCORECARD: dict[str, Rule] = {
    "max_bins": Whole(2, 20, 8),
    "min_bin_rows": Whole(10, 1_000_000, 50),
    "min_iv": Real(0.0, 10.0, 0.02),
    "max_features": Whole(1, 100, 30),
    "ridge": Real(0.0, 1000.0, 1.0),
    "pdo": Real(1.0, 1000.0, 20.0),
    "base_score": Real(0.0, 10_000.0, 600.0),
    "base_odds": Real(0.001, 10_000.0, 50.0),
}

RULES: dict[str, dict[str, Rule]] = {"lightgbm": LIGHTGBM, "scorecard": SCORECARD}


def validate_params(algorithm: str, params: Mapping[str, object]) -> dict[str, Value]:
    """Every parameter of ``algorithm``, the given ones checked and the others at their default, in the table's order.

    Raises ParameterRefused for an unknown algorithm, an unknown name, a wrong type or a value out of range.
    """
    rules = RULES.get(algorithm) if isinstance(algorithm, str) else None  # a request's JSON may hold anything
    if rules is None:
        raise ParameterRefused("algorithm", algorithm, " or ".join(RULES))
    for name in params:
        if name not in rules:
            raise ParameterUnknown(str(name), params[name], ", ".join(rules))
    return {name: _checked(name, rule, params.get(name, rule.default)) for name, rule in rules.items()}


def _checked(name: str, rule: Rule, value: object) -> Value:
    accepted = rule.accept(value)
    if accepted is None:
        raise ParameterRefused(name, value, rule.allowed)
    return accepted
