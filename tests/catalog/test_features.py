"""Which questions a job may ask: declared features, and why some are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.contract_files import read_contract
from catalog.errors import NotFound
from catalog.faults import FaultyInput
from catalog.feature_files import parse_features
from catalog.features import Feature, choose, feature_grade

VAT = read_contract(Path(__file__).parent / "tx_vat_declaration.yaml")
CONTRACTS = {VAT.name: VAT}


def declare(*lines: str) -> tuple[Feature, ...]:
    text = "features:\n" + "".join(f"  - {{dataset: tx_vat_declaration, {line}}}\n" for line in lines)
    return parse_features(text.encode(), "features.yaml", CONTRACTS)


def test_declared_features_know_their_type_and_grade() -> None:
    found = declare(
        "name: vat_sales, aggregate: last, field: sales_amount",
        "name: vat_status, aggregate: last, field: status",
        "name: vat_late_12m, aggregate: count, window_days: 365, where: {status: [late]}",
        "name: vat_staff, aggregate: last, field: employees",
        "name: vat_sales_12m, aggregate: sum, field: sales_amount, window_days: 365, where: {tax_payable: [0, 1]}",
    )
    assert [(f.name, f.type, feature_grade(f, VAT)) for f in found] == [
        ("vat_sales", "numeric", 3),
        ("vat_status", "code", 2),
        ("vat_late_12m", "numeric", 2),
        ("vat_staff", "numeric", 2),
        ("vat_sales_12m", "numeric", 3),
    ]


REFUSED = """
aggregate: last, field: uscc                                          | features.identifier
aggregate: last, field: period                                        | features.dropped
aggregate: last, field: written_off_on                                | features.after_outcome
aggregate: count, window_days: 9, where: {written_off_on: ['2024']}   | features.after_outcome
aggregate: count, window_days: 9, where: {uscc: ['9']}                | features.identifier
aggregate: last, field: declared_on                                   | features.date_field
aggregate: last, field: profit                                        | features.unknown_field
aggregate: last                                                       | features.field_needed
aggregate: count, field: status, window_days: 9                       | features.field_unwanted
aggregate: count                                                      | features.window_needed
aggregate: count, window_days: 0                                      | features.window_needed
aggregate: count, window_days: 99999                                  | features.window_needed
aggregate: last, field: employees, window_days: 3                     | features.window_unwanted
aggregate: sum, field: status, window_days: 9                         | features.not_a_quantity
aggregate: sum, field: tax_payable, window_days: 9                    | features.not_a_quantity
aggregate: count, window_days: 9, where: {status: [1]}                | features.where_value
aggregate: count, window_days: 9, where: {tax_payable: ['1']}         | features.where_value
aggregate: count, window_days: 9, where: {status: []}                 | features.where_value
aggregate: count, window_days: 9, where: {status: late}               | features.form
aggregate: mean, field: employees, window_days: 9                     | features.form
aggregate: count, window_days: '9'                                    | features.form
aggregate: count, window_days: 9, windw: 3                            | features.form
"""


@pytest.mark.parametrize("line", REFUSED.strip().splitlines(), ids=lambda line: " ".join(line.split("|")[0].split()))
def test_a_question_that_may_not_be_asked_is_refused_with_the_reason(line: str) -> None:
    written, code = (part.strip() for part in line.split("|"))
    with pytest.raises(FaultyInput) as refusal:
        declare(f"name: asked, {written}")
    assert [fault.code for fault in refusal.value.faults] == [code]


def test_the_contracts_reason_is_told() -> None:
    with pytest.raises(FaultyInput, match="filled only after the default"):
        declare("name: asked, aggregate: last, field: written_off_on")


@pytest.mark.parametrize("name", ["label", "X", "a b"])
def test_a_feature_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(FaultyInput):
        declare(f"name: {name}, aggregate: last, field: status")
    with pytest.raises(FaultyInput, match="twice"):
        declare(*["name: same, aggregate: last, field: status"] * 2)


def test_an_unknown_dataset_is_named() -> None:
    with pytest.raises(FaultyInput, match="no dataset elsewhere"):
        parse_features(b"features: [{name: xx, dataset: elsewhere, aggregate: last, field: yy}]", "f", CONTRACTS)


def test_a_misspelt_choice_is_answered_with_its_neighbour() -> None:
    features = declare("name: vat_sales, aggregate: last, field: sales_amount", "name: vat_status, aggregate: last, field: status")
    assert [f.name for f in choose(features, ["vat_status", "vat_sales"])] == ["vat_status", "vat_sales"]
    with pytest.raises(NotFound, match="vat_sales"):
        choose(features, ["vat_sale"])
