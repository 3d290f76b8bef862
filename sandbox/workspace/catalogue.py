"""The registered contracts, features and snapshots as a job's planning reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from catalog import canonical_json
from catalog.contract_files import parse_contract
from catalog.contracts import DatasetContract
from catalog.database import Tx
from catalog.errors import PolicyRefusal
from catalog.features import Feature, field_faults
from catalog.store import datasets


def contract_of(tx: Tx, dataset: str) -> DatasetContract:
    """The dataset's contract in force. Raises NotFound."""
    found = datasets.dataset_by_name(tx, dataset)
    return _parsed(found.name, found.contract)


@lru_cache(maxsize=256)
def _parsed(name: str, text: str) -> DatasetContract:
    return parse_contract(text.encode(), f"{name}.yaml")


def declared_features(tx: Tx) -> list[Feature]:
    return [Feature.from_json(canonical_json.loads(document)) for document in datasets.feature_documents(tx).values()]


def refuse_fields(tx: Tx, declared: Sequence[Feature], names: Sequence[str]) -> None:
    """A job that asks for a field by its own name, where that field may never be read, is told why rather than "no such feature"."""
    known = {feature.name for feature in declared}
    for name in names:
        if name in known:
            continue
        for dataset in datasets.all_datasets(tx):
            contract = contract_of(tx, dataset.name)
            field = next((f for f in contract.fields if name in (f.name, f.source_name)), None)
            for fault in field_faults(contract, field.name, f"features.{name}") if field is not None else ():
                raise PolicyRefusal(fault.code, **fault.params)


def latest_table_snapshot(tx: Tx, dataset: str) -> int:
    """The table format's number of the newest published snapshot. Raises PolicyRefusal when there is none."""
    snapshot = datasets.latest_snapshot(tx, dataset)
    if snapshot is None or snapshot.table_snapshot is None:
        raise PolicyRefusal("inputs.not_published", dataset=dataset)
    return snapshot.table_snapshot
