"""Contracts as people write them: Open Data Contract Standard v3.1.0, one document per table, ``contracts/<dataset>.yaml``.

Checked first against the standard's own JSON schema, then against ``contract_rules``. What Glovebox needs beyond the standard stands in
``customProperties``; a custom property or rule form we do not know is refused, because a misspelt protection would be silently absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import jsonschema

from catalog import canonical_json
from catalog.contract_quality import read_rules
from catalog.contract_rules import HIGHEST_GRADE, contract_faults
from catalog.contracts import Availability, DatasetContract, FieldContract, FieldType, Method, Recipe, SubjectRule
from catalog.faults import Fault, refuse_if_any
from catalog.strict_yaml import load

API_VERSION = "v3.1.0"
DATASET_PROPERTIES = frozenset({"titleEn", "dataClass", "consentClass", "subject", "register", "eventAt", "availableAt"})
FORMS: Mapping[str, tuple[type, str]] = {
    "titleEn": (str, "text"),
    "identifier": (str, "text"),
    "identifierKind": (str, "text"),
    "knownAfterOutcome": (str, "text: the reason"),
    "neverGranted": (bool, "true | false"),
    "dateFormats": (list, "[text]"),
    "nullTokens": (list, "[text]"),
}
FIELD_PROPERTIES = frozenset(FORMS) | {"recipe"}
TYPES = frozenset({"string", "integer", "number", "date", "timestamp", "boolean"})
# Parts of the standard (or of its later versions) that constrain values and that we do not act on: express them as quality rules.
UNSUPPORTED = frozenset({"enum", "logicalTypeOptions", "unique", "properties", "items", "encryptedName"})
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d{1,2}), ?(\d{1,2})\)", re.IGNORECASE)
DEFAULT_FORMATS = {"date": ("%Y-%m-%d",), "timestamp": ("%Y-%m-%dT%H:%M:%S%z",)}


def read_contract(path: Path) -> DatasetContract:
    """The contract in one file. Raises FaultyInput ``contracts.invalid`` with every fault, BadInput ``yaml.*``."""
    contract = parse_contract(path.read_bytes(), path.name)
    wrong = [] if contract.name == path.stem else [Fault("contracts.file_name", "name", {"name": contract.name})]
    refuse_if_any("contracts.invalid", wrong, file=path.name)
    return contract


def read_contracts(folder: Path) -> dict[str, DatasetContract]:
    """All ``*.yaml`` of a folder, by dataset name, in the order of names."""
    return {contract.name: contract for contract in (read_contract(path) for path in sorted(folder.glob("*.yaml")))}


def parse_contract(data: bytes, file: str) -> DatasetContract:
    """The contract in the bytes of a YAML document; ``file`` names it in errors. Raises as ``read_contract``."""
    document = load(data, file)
    refuse_if_any("contracts.invalid", schema_faults(document), file=file)
    faults: list[Fault] = []
    contract = _contract(document, faults)
    refuse_if_any("contracts.invalid", faults, file=file)
    assert contract is not None  # only a fault leaves it out
    refuse_if_any("contracts.invalid", [*contract_faults(contract), *_number_faults(contract)], file=file)
    return contract


def schema_faults(document: object) -> list[Fault]:
    """Where a document departs from the standard's JSON schema."""
    errors = sorted(_validator().iter_errors(document), key=lambda e: e.json_path)
    return [Fault("contracts.schema", e.json_path.removeprefix("$.") or "$", {"problem": e.message[:200]}) for e in errors]


@cache
def _validator() -> jsonschema.Draft201909Validator:
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    return jsonschema.Draft201909Validator(json.loads(text))


def _number_faults(contract: DatasetContract) -> list[Fault]:
    """Numbers that canonical JSON cannot carry exactly (beyond 2^53) could not be hashed."""
    try:
        canonical_json.dumps(contract.to_json())
    except ValueError:
        return [Fault("contracts.number_range", "schema[0]")]
    return []


def _contract(document: Mapping[str, Any], faults: list[Fault]) -> DatasetContract | None:
    tables = document.get("schema") or []
    if document["apiVersion"] != API_VERSION:
        faults.append(Fault("contracts.not_one_of", "apiVersion", {"allowed": API_VERSION}))
    if len(tables) != 1 or {document["id"], document.get("name")} != {tables[0]["name"]}:
        faults.append(Fault("contracts.one_table", "schema"))
        return None
    table = tables[0]
    custom = custom_properties(table, DATASET_PROPERTIES, "schema[0]", faults)
    for name in sorted(DATASET_PROPERTIES - {"register"} - custom.keys()):
        faults.append(Fault("contracts.property_missing", "schema[0].customProperties", {"property": name}))
    properties: Sequence[Mapping[str, Any]] = table.get("properties") or []
    fields = [_field(p, f"properties.{p['name']}", faults) for p in properties]
    rules = read_rules(table, faults)
    subject, availability = _subject(custom.get("subject"), faults), _availability(custom.get("availableAt"), faults)
    retention = _retention(document, faults)
    if not isinstance(custom.get("register", False), bool):
        faults.append(Fault("contracts.not_one_of", "register", {"allowed": "true, false"}))
    if faults or subject is None or availability is None or retention is None:
        return None
    return DatasetContract(
        name=table["name"],
        version=document["version"],
        department=str(document.get("domain", "")),
        title_zh=table.get("businessName", table["name"]),
        title_en=str(custom["titleEn"]),
        data_class=custom["dataClass"],
        consent_class=custom["consentClass"],
        subject=subject,
        event_at=str(custom["eventAt"]),
        availability=availability,
        keys=_keys(properties),
        fields=tuple(_with_allowed(field, rules) for field in fields if field is not None),
        rules=tuple(rules),
        retention_days=retention,
        register=custom.get("register", False),
    )


def custom_properties(element: Mapping[str, Any], known: frozenset[str], where: str, faults: list[Fault]) -> dict[str, Any]:
    """The element's own properties by name; unknown and repeated ones are faults, those of another vendor are passed over."""
    found: dict[str, Any] = {}
    for entry in element.get("customProperties") or []:
        name = entry["property"]
        if entry.get("vendor", "glovebox") != "glovebox":
            continue
        if name not in known:
            faults.append(Fault("contracts.unknown_property", where, {"property": name, "allowed": ", ".join(sorted(known))}))
        elif name in found:
            faults.append(Fault("contracts.twice", where, {"name": name}))
        found[name] = entry["value"]
    return found


def _subject(value: object, faults: list[Fault]) -> SubjectRule | None:
    if not isinstance(value, dict) or set(value) != {"field", "domain", "rule"} or not all(isinstance(v, str) for v in value.values()):
        faults.append(Fault("contracts.subject_form", "subject"))
        return None
    return SubjectRule(**value)


def _availability(value: object, faults: list[Fault]) -> Availability | None:
    match value:
        case "received":
            return Availability("received")
        case {"field": str(name), **rest} if not rest:
            return Availability("field", field=name)
        case {"lagDays": int(days), **rest} if not rest and not isinstance(days, bool):
            return Availability("lag", lag_days=days)
    faults.append(Fault("contracts.available_form", "availableAt"))
    return None


def _retention(document: Mapping[str, Any], faults: list[Fault]) -> int | None:
    found = [p for p in document.get("slaProperties") or [] if p["property"] == "retention"]
    if len(found) == 1 and found[0].get("unit") == "d" and type(found[0]["value"]) is int:
        return int(found[0]["value"])
    faults.append(Fault("contracts.retention", "slaProperties.retention"))
    return None


def _keys(properties: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    keyed = [p for p in properties if p.get("primaryKey")]
    return tuple(p["name"] for p in sorted(keyed, key=lambda p: p.get("primaryKeyPosition", -1)))


def _field(written: Mapping[str, Any], where: str, faults: list[Fault]) -> FieldContract | None:
    custom = custom_properties(written, FIELD_PROPERTIES, where, faults)
    wrong = list(_form_faults(written, custom, where))
    faults += wrong
    recipe = _recipe(custom.get("recipe"), where, faults)
    if wrong or recipe is None:
        return None
    decimal = _DECIMAL.fullmatch(written.get("physicalType", "")) if written["logicalType"] == "number" else None
    kind_of_field = cast(FieldType, "decimal" if decimal else written["logicalType"])
    return FieldContract(
        name=written["name"],
        source_name=written.get("physicalName", written["name"]),
        title_zh=written.get("businessName", written["name"]),
        title_en=custom.get("titleEn", written["name"]),
        type=kind_of_field,
        required=written.get("required", False) or written.get("primaryKey", False),
        grade=int(written["classification"]),
        identifier=custom.get("identifier", "none"),
        identifier_kind=custom.get("identifierKind", "none"),
        recipe=recipe,
        known_after_outcome=custom.get("knownAfterOutcome"),
        never_granted=custom.get("neverGranted", False),
        date_formats=tuple(custom.get("dateFormats", DEFAULT_FORMATS.get(kind_of_field, ()))),
        null_tokens=tuple(custom.get("nullTokens", ("",))),
        precision=int(decimal[1]) if decimal else None,
        scale=int(decimal[2]) if decimal else None,
    )


def _form_faults(written: Mapping[str, Any], custom: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for key in sorted(UNSUPPORTED & written.keys()):
        yield Fault("contracts.unsupported_key", where, {"key": key})
    if written.get("logicalType") not in TYPES:
        yield Fault("contracts.not_one_of", f"{where}.logicalType", {"allowed": ", ".join(sorted(TYPES))})
    if re.fullmatch("[0-9]", str(written.get("classification", ""))) is None:
        yield Fault("contracts.grade", f"{where}.classification", {"highest": HIGHEST_GRADE})
    for name, (kind, form) in FORMS.items():
        value = custom.get(name, kind())
        if not isinstance(value, kind) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            yield Fault("contracts.property_form", f"{where}.{name}", {"property": name, "form": form})


def _recipe(value: object, where: str, faults: list[Fault]) -> Recipe | None:
    if isinstance(value, dict) and isinstance(value.get("method"), str):
        return Recipe(cast(Method, value["method"]), {k: v for k, v in value.items() if k != "method"})
    faults.append(Fault("contracts.recipe_form", f"{where}.recipe"))
    return None


def _with_allowed(field: FieldContract, rules: Sequence[Any]) -> FieldContract:
    allowed = [value for rule in rules if rule.field == field.name for value in rule.valid]
    return replace(field, allowed_values=tuple(dict.fromkeys(allowed))) if allowed else field
