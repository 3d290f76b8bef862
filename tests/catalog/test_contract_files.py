"""Contracts as departments write them: one accepted example, then every way to get one wrong, each answered with its place."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.contract_files import parse_contract, read_contract, read_contracts
from catalog.contracts import DatasetContract, contract_hash
from catalog.errors import BadInput
from catalog.faults import FaultyInput

EXAMPLE = Path(__file__).parent / "tx_vat_declaration.yaml"


def parse(document: Any) -> DatasetContract:
    return parse_contract(yaml.safe_dump(document, allow_unicode=True).encode(), "tx_vat_declaration.yaml")


@pytest.fixture
def document() -> Any:
    return yaml.safe_load(EXAMPLE.read_text("utf-8"))


def field(document: Any, name: str) -> Any:
    return next(p for p in document["schema"][0]["properties"] if p["name"] == name)


def custom(element: Any, name: str, value: Any) -> None:
    element["customProperties"] = [p for p in element["customProperties"] if p["property"] != name]
    if value is not None:
        element["customProperties"].append({"property": name, "value": value})


def rule(document: Any, name: str) -> Any:
    table = document["schema"][0]
    return next(r for owner in [table, *table["properties"]] for r in owner.get("quality", []) if r["id"] == name)


def test_an_accepted_contract_says_all_there_is_to_know() -> None:
    contract = read_contract(EXAMPLE)
    assert (contract.name, contract.department, contract.title_zh, contract.version) == ("tx_vat_declaration", "TX", "增值税申报", "1.0.0")
    assert (contract.subject.field, contract.event_at, contract.availability.lag_days) == ("uscc", "declared_on", 20)
    assert (contract.keys, contract.grade, contract.quasi_identifiers) == (("uscc", "period"), 3, ("industry_code",))
    assert (contract.retention_days, contract.register, contract.data_class, contract.consent_class) == (
        1825,
        False,
        "synthetic",
        "enterprise",
    )


def test_published_fields_are_those_not_dropped_except_the_subject() -> None:
    contract = read_contract(EXAMPLE)
    assert {f.name: (f.type, f.published_type) for f in contract.published} == {
        "declared_on": ("date", "date"),
        "sales_amount": ("decimal", "number"),
        "tax_payable": ("decimal", "integer"),
        "employees": ("integer", "number"),
        "industry_code": ("string", "string"),
        "status": ("string", "string"),
        "written_off_on": ("date", "date"),
    }


def test_rules_keep_the_words_of_the_standard() -> None:
    rules = {r.name: r for r in read_contract(EXAMPLE).rules}
    missing, within = rules["sales_mostly_there"], rules["tax_within_sales"]
    assert (missing.metric, missing.field, missing.unit, missing.severity) == ("nullValues", "sales_amount", "percent", "warning")
    assert [missing.threshold.holds(share) for share in (0, 4.9, 5)] == [True, True, False]
    assert within.comparison is not None
    assert (within.metric, within.comparison.left, within.comparison.operator, within.comparison.right_field) == (
        None,
        "tax_payable",
        "<=",
        "sales_amount",
    )


def test_the_hash_is_of_the_meaning_not_of_the_layout(document: Any) -> None:
    written = contract_hash(read_contract(EXAMPLE))
    assert contract_hash(parse(document)) == written
    field(document, "employees")["classification"] = "3"
    assert contract_hash(parse(document)) != written


def edit(document: Any, what: str) -> None:
    """One mistake in an otherwise good contract."""
    table = document["schema"][0]
    match what:
        case "another version of the standard":
            document["apiVersion"] = "v3.0.2"
        case "two tables":
            document["schema"].append(copy.deepcopy(table))
        case "names differ":
            document["id"] = "vat"
        case "no retention":
            document["slaProperties"] = []
        case "no data class":
            custom(table, "dataClass", None)
        case "odd data class":
            custom(table, "dataClass", "secret")
        case "misspelt protection":
            custom(field(document, "written_off_on"), "knownAfterOutcom", "x")
        case "constraint we do not run":
            field(document, "status")["logicalTypeOptions"] = {"maxLength": 3}
        case "direct kept":
            custom(field(document, "uscc"), "recipe", {"method": "keep"})
        case "direct generalised":
            field(document, "industry_code")["customProperties"][1]["value"] = "direct"
        case "grade 4 kept":
            field(document, "status")["classification"] = "4"
        case "grade 5 grantable":
            field(document, "employees")["classification"] = "5"
        case "grade 9":
            field(document, "employees")["classification"] = "9"
        case "subject unknown":
            custom(table, "subject", {"field": "firm", "domain": "uscc", "rule": "uscc"})
        case "subject unchecked":
            custom(table, "subject", {"field": "uscc", "domain": "uscc", "rule": "ussc"})
        case "subject not required":
            field(document, "uscc").update(required=False, primaryKey=False)
        case "event unknown":
            custom(table, "eventAt", "happened")
        case "event may be null":
            custom(table, "eventAt", "written_off_on")
        case "known before it happens":
            custom(table, "availableAt", {"lagDays": -1})
        case "available in words":
            custom(table, "availableAt", "soon")
        case "register not public":
            custom(table, "register", True)
        case "reserved name":
            field(document, "status")["name"] = "label"
        case "name twice":
            field(document, "status")["name"] = "period"
        case "bands not ascending":
            custom(field(document, "tax_payable"), "recipe", {"method": "band", "edges": [1, 3, 2]})
        case "round a text":
            custom(field(document, "status"), "recipe", {"method": "round_significant", "digits": 2})
        case "no reason":
            custom(field(document, "written_off_on"), "knownAfterOutcome", " ")
        case "invented metric":
            rule(document, "uscc_check").update(metric="rule", arguments={})
        case "sql":
            table["quality"][2] = {"id": "q", "type": "sql", "query": "select 1", "mustBe": 0, "dimension": "accuracy", "severity": "error"}
        case "argument unknown":
            rule(document, "uscc_check")["arguments"] = {"regex": "x"}
        case "check unknown":
            rule(document, "uscc_check")["arguments"] = {"check": "ussc"}
        case "says nothing":
            rule(document, "uscc_check")["arguments"] = {}
        case "pattern looks ahead":
            rule(document, "uscc_check")["arguments"] = {"pattern": "(?=a)"}
        case "range of texts":
            rule(document, "status_listed")["arguments"] = {"minimum": 3}
        case "values of another type":
            rule(document, "status_listed")["arguments"] = {"validValues": [1]}
        case "101 percent":
            rule(document, "sales_mostly_there")["mustBeLessThan"] = 101
        case "no severity":
            del rule(document, "uscc_check")["severity"]
        case "rule twice":
            rule(document, "status_listed")["id"] = "uscc_check"
        case "compares with nobody":
            rule(document, "tax_within_sales")["implementation"]["compare"]["right"] = "income"
        case "compares apples":
            rule(document, "tax_within_sales")["implementation"]["compare"]["right"] = "status"
        case "computes":
            rule(document, "tax_within_sales")["implementation"]["compare"]["operator"] = "or 1="
        case "beyond exact numbers":
            rule(document, "sales_not_negative")["arguments"]["maximum"] = 2**60
        case "not the standard":
            document["schema"][0]["quality"][0]["dimension"] = "beauty"


MISTAKES = """
another version of the standard | apiVersion                                | contracts.not_one_of
two tables                      | schema                                    | contracts.one_table
names differ                    | schema                                    | contracts.one_table
no retention                    | slaProperties.retention                   | contracts.retention
no data class                   | schema[0].customProperties                | contracts.property_missing
odd data class                  | dataClass                                 | contracts.not_one_of
misspelt protection             | properties.written_off_on                 | contracts.unknown_property
constraint we do not run        | properties.status                         | contracts.unsupported_key
direct kept                     | properties.uscc.recipe                    | contracts.direct_identifier
direct generalised              | properties.industry_code.recipe           | contracts.direct_identifier
grade 4 kept                    | properties.status.recipe                  | contracts.grade_needs_method
grade 5 grantable               | properties.employees                      | contracts.grade_never_granted
grade 9                         | properties.employees.classification       | contracts.grade
subject unknown                 | subject.field                             | contracts.unknown_field
subject unchecked               | subject.rule                              | contracts.unknown_check
subject not required            | properties.uscc                           | contracts.subject_field
event unknown                   | eventAt                                   | contracts.unknown_field
event may be null               | eventAt                                   | contracts.not_an_instant
known before it happens         | availableAt.lagDays                       | contracts.lag
available in words              | availableAt                               | contracts.available_form
register not public             | register                                  | contracts.register_not_public
reserved name                   | properties.label                          | contracts.reserved_name
name twice                      | properties.period                         | contracts.twice
bands not ascending             | properties.tax_payable.recipe             | contracts.recipe_params
round a text                    | properties.status.recipe                  | contracts.recipe_type
no reason                       | properties.written_off_on.knownAfterOutcome | contracts.reason_missing
invented metric                 | schema[0].properties[0].quality[0].metric | contracts.schema
sql                             | quality[2]                                | contracts.rule_kind
argument unknown                | properties.uscc.quality[0]                | contracts.rule_arguments
check unknown                   | quality.uscc_check.arguments.check        | contracts.unknown_check
says nothing                    | quality.uscc_check                        | contracts.rule_says_nothing
pattern looks ahead             | quality.uscc_check.arguments.pattern      | contracts.pattern
range of texts                  | quality.status_listed                     | contracts.rule_type
values of another type          | quality.status_listed                     | contracts.rule_type
101 percent                     | quality.sales_mostly_there                | contracts.percentage
no severity                     | properties.uscc.quality[0]                | contracts.rule_unit
rule twice                      | quality.uscc_check                        | contracts.twice
compares with nobody            | quality.tax_within_sales.compare          | contracts.unknown_field
compares apples                 | quality.tax_within_sales.compare          | contracts.rule_type
computes                        | quality[2]                                | contracts.compare_form
beyond exact numbers            | schema[0]                                 | contracts.number_range
not the standard                | schema[0].quality[0].dimension            | contracts.schema
"""


@pytest.mark.parametrize("line", MISTAKES.strip().splitlines(), ids=lambda line: line.split("|")[0].strip())
def test_a_mistake_is_named_with_its_place(document: Any, line: str) -> None:
    what, where, code = (part.strip() for part in line.split("|"))
    edit(document, what)
    with pytest.raises(FaultyInput) as refusal:
        parse(document)
    assert (where, code) in [(fault.where, fault.code) for fault in refusal.value.faults]
    for language in ("en", "zh"):
        assert where in refusal.value.text(language)
        assert fault_placeholders(refusal.value.text(language)) == []


def fault_placeholders(text: str) -> list[str]:
    """Placeholders that nobody filled; YAML forms in braces have a comma or a colon after the word."""
    return re.findall(r"\{[a-z_]+\}", text)


def test_all_mistakes_are_told_at_once(document: Any) -> None:
    for what in ("direct kept", "grade 5 grantable", "event unknown", "compares apples"):
        edit(document, what)
    with pytest.raises(FaultyInput) as refusal:
        parse(document)
    assert {fault.code for fault in refusal.value.faults} >= {
        "contracts.direct_identifier",
        "contracts.grade_never_granted",
        "contracts.unknown_field",
        "contracts.rule_type",
    }


def test_the_file_bears_its_datasets_name(tmp_path: Path) -> None:
    (tmp_path / "vat.yaml").write_bytes(EXAMPLE.read_bytes())
    with pytest.raises(FaultyInput, match=r"tx_vat_declaration\.yaml"):
        read_contract(tmp_path / "vat.yaml")
    (tmp_path / "vat.yaml").rename(tmp_path / "tx_vat_declaration.yaml")
    assert list(read_contracts(tmp_path)) == ["tx_vat_declaration"]


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"a: {b", b"a: &x 1\nb: *x", b"\xff\xfe", b"a: 1\na: 2"])
def test_what_is_no_contract_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        parse_contract(data, "x.yaml")
