"""The registered contracts, features and snapshots as a job's planning reads them."""

from __future__ import annotations

from functools import lru_cache

from catalog import canonical_json
from catalog.contract_files import parse_contract
from catalog.contracts import DatasetContract
from catalog.database import Tx
from catalog.errors import PolicyRefusal
from catalog.features import Feature
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


def latest_table_snapshot(tx: Tx, dataset: str) -> int:
    """The table format's number of the newest published snapshot. Raises PolicyRefusal when there is none."""
    snapshot = datasets.latest_snapshot(tx, dataset)
    if snapshot is None or snapshot.table_snapshot is None:
        raise PolicyRefusal("inputs.not_published", dataset=dataset)
    return snapshot.table_snapshot
