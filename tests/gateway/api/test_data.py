"""Contracts, features, grants, projects, keys and the ledger over HTTP, with the example province's own files."""

from datetime import timedelta
from pathlib import Path

import pytest

from catalog import clock
from catalog.keys import sealing
from catalog.keys.public import PublicKeyDocument
from catalog.ledger.record import read_record
from catalog.store import ledger

PROVINCE = Path(__file__).parents[3] / "examples" / "province"
VAT = "tx_vat_declaration"
NEXT_YEAR = (clock.now() + timedelta(days=365)).date().isoformat()


def contract(name=VAT):
    return (PROVINCE / "contracts" / f"{name}.yaml").read_bytes()


@pytest.fixture
def registered(signed_in):
    answer = signed_in("tom").put(f"/datasets/{VAT}", content=contract(), headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_registered_contract_is_shown_with_what_may_be_granted_and_why_not(registered, signed_in):
    seen = signed_in("ann").get(f"/datasets/{VAT}").json()
    assert seen["department"] == "TX"
    fields = {field["name"]: field for field in seen["fields"]}
    assert fields["uscc"]["grantable"] is False
    assert fields["uscc"]["reason"]
    assert any(field["grantable"] and field["reason"] is None for field in fields.values())


def test_a_steward_registers_their_own_departments_contracts_only(signed_in):
    answer = signed_in("tom").put("/datasets/cr_penalty", content=contract("cr_penalty"))
    assert (answer.status_code, answer.json()["code"]) == (403, "permissions.other_department")


def test_nobody_takes_a_dataset_over_by_writing_another_department_into_it(registered, signed_in):
    stolen = contract().replace(b"domain: TX", b"domain: CR")
    assert signed_in("sue").put(f"/datasets/{VAT}", content=stolen).status_code == 200
    answer = signed_in("tom").put(f"/datasets/{VAT}", content=contract())
    assert (answer.status_code, answer.json()["code"]) == (403, "permissions.other_department")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ((b"value: synthetic", b"value: real"), 409, "gateway.real_data_refused"),
        ((b"apiVersion: v3.1.0", b"apiVersion: v2.0.0"), 422, "contracts.invalid"),
    ],
)
def test_a_contract_is_refused_with_its_reason(signed_in, change, status, code):
    answer = signed_in("tom").put(f"/datasets/{VAT}", content=contract().replace(*change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_features_are_checked_against_the_contracts_and_listed(signed_in):
    sue = signed_in("sue")
    for path in (PROVINCE / "contracts").glob("*.yaml"):
        assert sue.put(f"/datasets/{path.stem}", content=path.read_bytes()).status_code == 200
    declared = sue.put("/features", content=(PROVINCE / "features.yaml").read_bytes())
    assert declared.status_code == 200, declared.text
    assert signed_in("ann").get("/features").json() == sorted(declared.json(), key=lambda feature: feature["name"])


def test_star_grants_all_that_may_be_granted_and_an_identifier_is_refused(registered, signed_in):
    tom = signed_in("tom")
    body = {"dataset": VAT, "fields": ["*"], "expires_at": NEXT_YEAR}
    granted = tom.post("/projects/prj-bank_a/grants", json=body).json()
    assert set(granted["fields"]) == {f["name"] for f in registered["fields"] if f["grantable"]}
    refused = tom.post("/projects/prj-bank_a/grants", json=body | {"fields": ["uscc", "nonsense"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "gateway.grant_refused")
    assert [f["code"] for f in refused.json()["params"]["faults"]] == ["features.identifier", "features.unknown_field"]
    assert tom.delete(f"/grants/{granted['id']}").status_code == 204
    assert signed_in("ann").get("/projects/sme_loans/grants").json()[0]["revoked_at"] is not None


PROJECT = {
    "organisation_id": "bank_a",
    "name": "first_loans",
    "purpose": "sme_credit",
    "legal_basis": "Article 21",
    "impact_assessment": "PIA-2",
    "scenario": "modelling",
    "expires_at": "2999-12-31",
    "members": ["ann"],
}


def test_a_project_is_made_shown_and_closed(signed_in):
    sid = signed_in("sid")
    made = sid.post("/projects", json=PROJECT).json()
    assert (made["members"], made["code_approval"], made["expires_at"]) == (["ann"], "first", "2999-12-31T16:00:00Z")
    assert sid.post(f"/projects/{made['id']}/close").json()["closed_at"] is not None
    assert sid.post(f"/projects/{made['id']}/close").json()["code"] == "gateway.project_closed_already"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": " "}, "gateway.request_invalid"),
        ({"impact_assessment": ""}, "gateway.request_invalid"),
        ({"expires_at": "2020-01-01"}, "gateway.expiry_in_the_past"),
        ({"expires_at": "2999-12-31T00:00:00"}, "gateway.not_an_instant"),
        ({"expires_at": "9999-12-31"}, "gateway.not_an_instant"),
        ({"members": ["bea"]}, "projects.member_foreign"),
        ({"members": ["nobody"]}, "permissions.not_found"),
        ({"organisation_id": "TX"}, "gateway.project_not_of_bank"),
        ({"name": "sme_loans"}, "projects.name_taken"),
    ],
)
def test_a_project_without_what_it_needs_is_refused(signed_in, change, code):
    assert signed_in("sid").post("/projects", json=PROJECT | change).json()["code"] == code


def key_document(kind):
    recipient = sealing.new_identity()[1] if kind == "bank" else None
    return PublicKeyDocument(kind, "holder", bytes(range(32)), recipient).to_json()


def test_a_key_is_in_force_once_somebody_else_confirmed_its_fingerprint(signed_in):
    document = key_document("officer")
    registered = signed_in("cai").post("/keys", json=document).json()
    path = f"/keys/{registered['key_id']}/confirm"
    assert signed_in("cai").post(path, json={"fingerprint": document["fingerprint"]}).json()["code"] == "keys.confirm_own"
    assert signed_in("sid").post(path, json={"fingerprint": "0" * 40}).json()["code"] == "keys.fingerprint_differs"
    assert signed_in("sid").post(path, json={"fingerprint": document["fingerprint"]}).json()["in_force"] is True
    assert [officer["officer"] for officer in signed_in("ann").get("/trust").json()["officers"]] == ["user-cai"]


@pytest.mark.parametrize(("login", "kind"), [("ann", "officer"), ("cai", "bank")])
def test_a_key_of_the_other_side_is_refused(signed_in, login, kind):
    assert signed_in(login).post("/keys", json=key_document(kind)).json()["code"] == "gateway.key_kind_foreign"


@pytest.mark.parametrize("number", ["9007199254740993", "NaN"])
def test_a_spec_that_cannot_be_hashed_is_refused_at_the_door(signed_in, number):
    body = '{"spec": {"kind": "train", "step": "fit", "params": {"seed": ' + number + '}}, "code": null}'
    answer = signed_in("ann").post("/projects/sme_loans/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "gateway.not_plain")


def test_code_must_be_base64_and_of_at_most_one_mebibyte(signed_in):
    spec = {"kind": "script", "step": "fit"}
    ann = signed_in("ann")
    assert ann.post("/projects/sme_loans/jobs", json={"spec": spec, "code": "%%"}).json()["code"] == "gateway.code_not_base64"
    assert ann.post("/projects/sme_loans/jobs", json={"spec": spec, "code": "A" * 1_500_000}).status_code == 422


def test_every_change_over_http_stands_in_the_ledger_which_verifies(registered, signed_in, platform):
    ada = signed_in("ada")
    signed_in("sam").post("/organisations", json={"id": "HR", "kind": "department", "name_zh": "人社", "name_en": "HR"})
    assert ada.get("/ledger", params={"object": "HR"}).json()[0]["action"] == "organisation.add"
    assert ada.get("/ledger", params={"object": VAT}).json()[0]["actor"] == "tom"
    report = ada.post("/ledger/verify").json()
    with platform.database.reading() as tx:
        newest = read_record(ledger.recent(tx, limit=1)[0].canonical)
    assert (report["ok"], report["records"], report["problems"]) == (True, newest["seq"] + 1, [])


def test_what_anybody_may_ask(anybody, platform):
    assert anybody.get("/reception").json() == {"recipient": platform.reception_recipient}
    assert anybody.get("/health").json() == {"status": "ok", "supervisor_alive": False}
    assert anybody.get("/trust").json()["platform"] == "test"


def test_an_unregistered_dataset_is_not_found_before_anything_crosses(signed_in):
    assert signed_in("sue").post("/consents/none_such", content=b"sealed").status_code == 404
    body = {"dataset": "none_such", "file_name": "a.csv", "sha256": "0" * 64}
    assert signed_in("sue").post("/intake", json=body).status_code == 404
