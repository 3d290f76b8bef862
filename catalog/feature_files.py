"""``features.yaml``: a list under ``features`` of {name, dataset, aggregate, field?, window_days?, where?}."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.contracts import DatasetContract
from catalog.faults import Fault, refuse_if_any
from catalog.features import AGGREGATES, Feature, feature_faults, feature_type
from catalog.strict_yaml import load

KEYS = frozenset({"name", "dataset", "aggregate", "field", "window_days", "where"})
NEEDED = ("name", "dataset", "aggregate")


def read_features(path: Path, contracts: Mapping[str, DatasetContract]) -> tuple[Feature, ...]:
    """The declared features of one file, checked against the contracts.

    Raises FaultyInput ``features.invalid`` with every fault, BadInput ``yaml.*``.
    """
    return parse_features(path.read_bytes(), path.name, contracts)


def parse_features(data: bytes, file: str, contracts: Mapping[str, DatasetContract]) -> tuple[Feature, ...]:
    """As ``read_features``, from the bytes of a document."""
    document = load(data, file)
    written = document.get("features") if isinstance(document, dict) and set(document) == {"features"} else None
    if not isinstance(written, list):
        refuse_if_any("features.invalid", [Fault("features.form", "features", {"key": "features"})], file=file)
        return ()
    faults: list[Fault] = []
    found = [_feature(item, f"features[{index}]", contracts, faults) for index, item in enumerate(written)]
    features = [feature for feature in found if feature is not None]
    refuse_if_any("features.invalid", [*faults, *feature_faults(features, contracts)], file=file)
    return tuple(features)


def _feature(item: object, where: str, contracts: Mapping[str, DatasetContract], faults: list[Fault]) -> Feature | None:
    if not isinstance(item, dict):
        faults.append(Fault("features.form", where, {"key": "–"}))
        return None
    wrong = _wrong_keys(item)
    if wrong:
        faults.append(Fault("features.form", where, {"key": ", ".join(wrong)}))
        return None
    contract = contracts.get(item["dataset"])
    return Feature(
        name=item["name"],
        dataset=item["dataset"],
        aggregate=item["aggregate"],
        type=feature_type(contract, item["aggregate"], item.get("field")) if contract else "numeric",
        field=item.get("field"),
        window_days=item.get("window_days"),
        where={name: tuple(values) for name, values in item.get("where", {}).items()},
    )


def _wrong_keys(item: Mapping[str, Any]) -> list[str]:
    """Keys that are unknown, missing or of the wrong form."""
    texts = [key for key in (*NEEDED, "field") if key in item and not isinstance(item[key], str)]
    missing = [key for key in NEEDED if key not in item]
    odd = ["aggregate"] if item.get("aggregate", "last") not in AGGREGATES and "aggregate" not in texts else []
    window = ["window_days"] if "window_days" in item and type(item["window_days"]) is not int else []
    where = item.get("where", {})
    listed = isinstance(where, dict) and all(isinstance(values, list) and all(map(_is_scalar, values)) for values in where.values())
    return [*sorted(item.keys() - KEYS), *missing, *texts, *odd, *window, *([] if listed else ["where"])]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)
