"""Does the example on real loans divide the file as life would, lose no loan to its dirt, and compare like with like?

The rows here are made up in the file's form; the file itself is no part of the repository.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

import examples.sba
from catalog.contract_files import read_contracts
from catalog.feature_files import read_features
from catalog.features import field_faults
from engines.intake.parse_request import parse_request
from engines.intake.parsing.jailed_parse import parse
from engines.intake.quality.rules import check_quality
from examples.sba.plain import COLUMNS, UNEXPLAINED, known_loans, step, without_unexplained_codes
from examples.sba.split import read_loans, split_loans
from jobs.spec import parse_project_file
from sandbox.modelling.params import LIGHTGBM, validate_params
from sandbox.workspace.cohort_files import parse_cohort

SBA = Path(examples.sba.__file__).parent
LOANS = """\
LoanNr_ChkDgt,Name,City,State,Zip,Bank,BankState,NAICS,ApprovalDate,ApprovalFY,Term,NoEmp,NewExist,CreateJob,RetainedJob,FranchiseCode,UrbanRural,RevLineCr,LowDoc,ChgOffDate,DisbursementDate,DisbursementGross,MIS_Status,ChgOffPrinGr,GrAppv,SBA_Appv
1000000001,"MADE UP, INC.",SPRINGFIELD,IN,47711,A BANK,OH,451120,2/28/1997,1997,84,4,2,0,0,1,0,N,Y,,2/28/1999,60000,P I F,0,60000,48000
1000000002,MADE UP TOO,SPRINGFIELD,NJ,7001,B BANK,NC,0,6/2/1980,1980,45,2,1,0,0,1,0,0,N,24-Jun-91,7/22/1980,40000,CHGOFF,30000,40000,32000
1000000003,MADE UP AS WELL,SHELBYVILLE,CA,90015,,,722110,10/1/2004,2005,13,1,0,1,2,78760,1,T,C,4-Oct-07,,5000,CHGOFF,4000,10000,5000
1000000004,OF UNKNOWN FATE,SHELBYVILLE,CA,90015,C BANK,CA,722110,1/21/2005,2005,84,1,1,0,0,0,2,`,N,,1/31/2005,5000,,0,10000,5000
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "loans.csv"
    path.write_text(LOANS, encoding="utf-8")
    return path


@pytest.fixture
def halves(file):
    return split_loans(read_loans(file))


@pytest.fixture(scope="module")
def contract():
    return read_contracts(SBA / "contracts")["sba_applications"]


def _taken_in(halves, contract):
    return parse(halves.applications.write_csv().encode(), parse_request(contract, "sba.csv", datetime(2026, 11, 2, tzinfo=UTC)))


def test_does_the_department_keep_every_column_but_the_outcome(halves, file):
    lines = [line.split(",") for line in halves.applications.write_csv().splitlines()]
    assert lines[0] == [name for name in LOANS.splitlines()[0].split(",") if name != "MIS_Status"]
    assert len(halves.applications) == 4
    assert "7001" in lines[2], "a ZIP code stays as it was written"


def test_does_the_bank_hold_only_loans_of_known_outcome(halves):
    assert halves.cohort.rows() == [
        ("L000001", "1000000001", date(1997, 2, 28), 0),
        ("L000002", "1000000002", date(1980, 6, 2), 1),
        ("L000003", "1000000003", date(2004, 10, 1), 1),
    ]


def test_does_an_outcome_of_another_kind_stop_the_split(file):
    file.write_text(LOANS.replace("P I F", "PERHAPS"), encoding="utf-8")
    with pytest.raises(ValueError, match="1 unknown"):
        split_loans(read_loans(file))


def test_is_the_cohort_one_that_the_platform_takes(halves, contract):
    cohort = parse_cohort(halves.cohort.write_csv().encode(), contract.subject, today=date(2026, 11, 2))
    assert cohort.table.num_rows == 3


def test_is_no_loan_lost_to_dirt(halves, contract):
    typed = _taken_in(halves, contract)
    quality = check_quality(typed.rows, contract)
    assert typed.bad_cells.is_empty()
    assert not quality.fails.select(pl.any_horizontal(pl.all())).to_series().any()
    assert typed.rows.height == 4


def test_are_both_forms_of_date_read_into_the_right_century(halves, contract):
    rows = _taken_in(halves, contract).rows
    assert rows["approval_date"].to_list() == [date(1997, 2, 28), date(1980, 6, 2), date(2004, 10, 1), date(2005, 1, 21)]
    assert rows["charged_off_on"].to_list() == [None, date(1991, 6, 24), date(2007, 10, 4), None]


def test_are_codes_that_the_source_does_not_explain_read_as_empty(halves, contract):
    rows = _taken_in(halves, contract).rows
    assert rows.select("naics", "new_or_existing", "urban_rural", "revolving", "low_doc").rows() == [
        (451120, 2, None, "N", "Y"),
        (None, 1, None, None, "N"),
        (722110, None, 1, None, None),
        (722110, 1, 2, None, "N"),
    ]


def test_are_columns_known_only_later_refused_with_a_reason(contract):
    late = {f.source_name: field_faults(contract, f.name, "test")[0] for f in contract.fields if f.known_after_outcome}
    assert set(late) == {"Term", "ChgOffDate", "ChgOffPrinGr", "DisbursementDate", "DisbursementGross"}
    assert {fault.code for fault in late.values()} == {"features.after_outcome"}
    assert all(fault.params["reason"] for fault in late.values())


def test_are_names_and_addresses_never_published(contract):
    published = {field.source_name for field in contract.published}
    assert not published & {"LoanNr_ChkDgt", "Name", "Zip", "City", "Bank"}


def test_does_the_project_file_name_every_parameter_and_declared_features_only(contract):
    job = parse_project_file((SBA / "glovebox.yaml").read_text(encoding="utf-8")).step("train_trees").spec
    declared = {f.name for f in read_features(SBA / "features.yaml", {"sba_applications": contract})}
    params = dict(job.params)
    assert params.pop("algorithm") == "lightgbm"
    assert set(validate_params("lightgbm", params)) == set(params) == set(LIGHTGBM)
    assert set(job.inputs["features"]) <= declared
    assert job.split["field"] in declared - set(job.inputs["features"])


def test_does_the_plain_model_read_the_columns_that_the_box_reads(contract):
    features = {f.name: f for f in read_features(SBA / "features.yaml", {"sba_applications": contract})}
    assert {name: contract.find(features[name].field).source_name for name in step()["inputs"]["features"]} == COLUMNS


def test_does_the_plain_model_leave_the_same_codes_empty_as_the_box(contract):
    in_box = {f.source_name: sorted(set(f.null_tokens) - {""}) for f in contract.fields if set(f.null_tokens) != {""}}
    assert {name: sorted(codes) for name, codes in UNEXPLAINED.items()} == in_box


def test_does_emptying_codes_keep_every_loan_and_every_other_value(file):
    loans = known_loans(file)
    emptied = without_unexplained_codes(loans)
    assert len(emptied) == len(loans)
    assert emptied.drop(*UNEXPLAINED).equals(loans.drop(*UNEXPLAINED))
    assert emptied["RevLineCr"].to_list() == ["N", None, None]
