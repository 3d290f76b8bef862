"""What a feature means today, as one hash: a model is held to the meanings it was trained on, whoever redefines a name since.

The feature's declaration counts, and of its table's contract what bears on its values: the fields it reads, whose and when an event is,
and when it was known. Edits elsewhere in the contract change nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from catalog import canonical_json
from catalog.contracts import DatasetContract
from catalog.errors import PolicyRefusal
from catalog.features import Feature


def definition_hash(feature: Feature, contract: DatasetContract) -> str:
    """SHA-256, lower-case hex. The subject, the event's date and a column of availability are read by every feature of the table."""
    read = {*feature.inputs, contract.event_at, contract.subject.field, contract.availability.field}
    return canonical_json.sha256_hex(
        {
            "feature": feature.to_json(),
            "fields": {field.name: asdict(field) for field in contract.fields if field.name in read},
            "subject": asdict(contract.subject),
            "event_at": contract.event_at,
            "availability": asdict(contract.availability),
        }
    )


def refuse_changed(pinned: Mapping[str, str], today: Mapping[str, str]) -> None:
    """Raises PolicyRefusal naming the first feature of ``today`` whose pinned definition is another, or was never pinned."""
    for name, definition in today.items():
        if pinned.get(name) != definition:
            raise PolicyRefusal("inputs.definition_changed", feature=name)
