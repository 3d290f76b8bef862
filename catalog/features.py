"""Declared features: the only columns a job may ask for, each a question about a subject's past as of an observation instant.

An event counts when it had happened and the platform could know it: event_at ≤ observation and available_at ≤ observation.
Then ``last`` is the field of the latest such event, ``count`` and ``sum`` run over those with event_at in
(observation − window_days, observation].
Contracts decide what may be asked: nothing dropped, identifying, never granted or known only after the outcome.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from catalog import canonical_json
from catalog.contracts import NUMERIC, RESERVED, TEMPORAL, DatasetContract, FieldContract, Scalar
from catalog.errors import NotFound
from catalog.faults import Fault
from catalog.identifiers import is_name

Aggregate = Literal["last", "count", "sum"]
FeatureType = Literal["numeric", "code"]
AGGREGATES = ("last", "count", "sum")
LONGEST_WINDOW = 3650  # days; older events say little and widen what a count reveals
SUMMABLE = frozenset({"keep", "round_significant", "top_code"})


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature. ``where`` keeps the events whose (published) field is one of the listed values; a null is none of them."""

    name: str
    dataset: str
    aggregate: Aggregate
    type: FeatureType
    field: str | None = None
    window_days: int | None = None
    where: Mapping[str, tuple[Scalar, ...]] = dataclasses.field(default_factory=dict)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The published fields it reads."""
        return tuple(dict.fromkeys([*([self.field] if self.field else []), *self.where]))

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = canonical_json.loads(canonical_json.dumps(asdict(self)))
        return found

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Feature:
        """Read what ``to_json`` wrote."""
        return cls(**{**document, "where": {name: tuple(values) for name, values in document["where"].items()}})


def feature_type(contract: DatasetContract, aggregate: str, name: str | None) -> FeatureType:
    """``code`` for the last value of a text field, else ``numeric`` (a boolean is 0 or 1, a band its number)."""
    found = contract.find(name) if name is not None else None
    return "code" if aggregate == "last" and found is not None and found.published_type == "string" else "numeric"


def feature_grade(feature: Feature, contract: DatasetContract) -> int:
    """The highest grade among its inputs, the event's date being one: a derived value inherits it."""
    names = {contract.event_at, *feature.inputs}
    return max(f.grade for f in contract.fields if f.name in names)


def feature_faults(features: Sequence[Feature], contracts: Mapping[str, DatasetContract]) -> list[Fault]:
    """Everything wrong with declared features, in their order; empty when acceptable."""
    found: list[Fault] = []
    for index, feature in enumerate(features):
        where = f"features.{feature.name}"
        if any(feature.name == other.name for other in features[:index]):
            found.append(Fault("features.twice", where, {"feature": feature.name}))
        if not is_name(feature.name) or feature.name in RESERVED:
            found.append(Fault("features.bad_name", where, {"feature": feature.name}))
        contract = contracts.get(feature.dataset)
        if contract is None:
            found.append(Fault("features.unknown_dataset", where, {"dataset": feature.dataset}))
            continue
        found += _shape(feature, where)
        forbidden = [fault for name in feature.inputs for fault in field_faults(contract, name, where)]
        found += forbidden or _use(feature, contract, where)
    return found


def _shape(feature: Feature, where: str) -> Iterator[Fault]:
    windowed = feature.aggregate != "last"
    if feature.aggregate != "count" and feature.field is None:
        yield Fault("features.field_needed", where, {"aggregate": feature.aggregate})
    if feature.aggregate == "count" and feature.field is not None:
        yield Fault("features.field_unwanted", where)
    if windowed and not 1 <= (feature.window_days or 0) <= LONGEST_WINDOW:
        yield Fault("features.window_needed", where, {"aggregate": feature.aggregate, "longest": LONGEST_WINDOW})
    if not windowed and feature.window_days is not None:
        yield Fault("features.window_unwanted", where)


def field_faults(contract: DatasetContract, name: str, where: str) -> list[Fault]:
    """Why a job may not read this field, in any way (the same rule guards grants and requests); empty when it may."""
    found = contract.find(name)
    if found is None:
        return [Fault("features.unknown_field", where, {"dataset": contract.name, "field": name})]
    if found.known_after_outcome is not None:
        return [Fault("features.after_outcome", where, {"field": name, "reason": found.known_after_outcome})]
    if found.identifier == "direct" or found.recipe.method == "pseudonym":
        return [Fault("features.identifier", where, {"field": name})]
    if found.never_granted:
        return [Fault("features.never_granted", where, {"field": name})]
    if found.published_type is None:
        return [Fault("features.dropped", where, {"field": name, "dataset": contract.name})]
    return []


def _use(feature: Feature, contract: DatasetContract, where: str) -> Iterator[Fault]:
    found = contract.find(feature.field) if feature.field else None
    if found is not None and found.published_type in TEMPORAL:
        yield Fault("features.date_field", where, {"field": found.name})
    elif found is not None and feature.aggregate == "sum" and not _is_quantity(found):
        yield Fault("features.not_a_quantity", where, {"field": found.name})
    for name, values in feature.where.items():
        compared = contract.find(name)
        if compared is not None and not (values and all(_comparable(compared, value) for value in values)):
            yield Fault("features.where_value", where, {"field": name})


def _is_quantity(found: FieldContract) -> bool:
    return found.type in NUMERIC and found.recipe.method in SUMMABLE


def _comparable(found: FieldContract, value: Scalar) -> bool:
    if found.published_type == "boolean":
        return isinstance(value, bool)
    if found.published_type in NUMERIC:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return found.published_type == "string" and isinstance(value, str)


def choose(features: Iterable[Feature], names: Sequence[str]) -> tuple[Feature, ...]:
    """The features called ``names``, in that order. Raises NotFound ``features.not_declared`` with near names."""
    known = {feature.name: feature for feature in features}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:3]
            raise NotFound("features.not_declared", feature=name, near=", ".join(near))
    return tuple(known[name] for name in names)
