"""A new home is brought to its first submission on the command line alone, in-process, without a server: who does what, in order.

Each person has a terminal and a session of their own.
"""

import shutil
from pathlib import Path

import pytest

PASSWORD = "a-sentence-nobody-guesses"
PASSPHRASE = "four unrelated words here"
CONTRACTS = Path(__file__).parents[3] / "examples" / "province" / "contracts"
GIVEN_LATER = ("auditor", "compliance_officer")
PEOPLE = (  # login, organisation, role
    ("sid", "operator", "security_administrator"),
    ("aud", "operator", "auditor"),
    ("olga", "operator", "compliance_officer"),
    ("tom", "TX", "steward"),
    ("mei", "MR", "steward"),
    ("ann", "bank_a", "scientist"),
)


class Town:
    """``town("ann", "job", "list")``: Ann's terminal on the platform's machine; the exit code is checked."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder

    def __call__(self, login, *words, code=0, **environment):
        places = {"GLOVEBOX_HOME": self.folder / "home", "GLOVEBOX_CONFIG": self.folder / f"{login}.session"}
        ended = self.command(*words, **places, **environment)
        assert ended.code == code, ended.err
        return ended


def enter(town, login, one_time):
    """First sign-in: nothing but choosing a password is allowed, then everything the roles allow."""
    town(login, "login", login, GLOVEBOX_PASSWORD=one_time)
    assert "password" in town(login, "project", "list", code=3).err
    town(login, "password", GLOVEBOX_PASSWORD=one_time, GLOVEBOX_NEW_PASSWORD=PASSWORD)


def settle(town, first):
    """Organisations and people are there, and everybody has signed in."""
    enter(town, "admin", first["one_time_password"])
    for name, kind in (("bank_a", "bank"), ("TX", "department"), ("MR", "department")):
        town("admin", "tenant", "add", name, "--kind", kind, "--name-zh", f"机构{name}", "--name-en", name)
    for login, organisation, role in PEOPLE:
        at_once = () if role in GIVEN_LATER else ("--role", role)
        added = town("admin", "user", "add", login, "--organisation", organisation, *at_once, "--json")
        enter(town, login, added.json["one_time_password"])
        if not at_once:
            town("sid", "user", "roles", login, "--role", role)


def open_project(town):
    """Two contracts, a project of bank A, and a grant."""
    town("mei", "contract", "add", CONTRACTS / "mr_enterprise_base.yaml")
    town("tom", "contract", "add", CONTRACTS / "tx_vat_declaration.yaml")
    purpose = ("--purpose", "sme_credit", "--legal-basis", "Article 21", "--impact-assessment", "PIA-1")
    town("sid", "project", "add", "loans", "--organisation", "bank_a", *purpose, "--expires", "2099-12-31", "--member", "ann")
    project = town("sid", "project", "list", "--json").json[0]["id"]
    town("tom", "grant", "add", project, "tx_vat_declaration", "--expires", "2099-06-30")


@pytest.fixture(scope="module")
def settled(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("settled")
    town = Town(command, folder)
    settle(town, town("admin", "init", "--platform", "test-platform", "--cohort-floor", "10", "--json").json)
    open_project(town)
    return folder


@pytest.fixture
def town(command, settled, tmp_path):
    """A copy of the settled town for this test."""
    shutil.copytree(settled, tmp_path, dirs_exist_ok=True)
    return Town(command, tmp_path)


def test_a_session_says_who_is_signed_in_and_ends(town):
    assert town("ann", "whoami", "--json").json["user"]["organisation_id"] == "bank_a"
    town("ann", "logout")
    assert "glovebox login" in town("ann", "whoami", code=3).err


def test_a_wrong_password_and_a_wrong_login_read_alike(town):
    wrong = [town("eve", "login", login, code=3, GLOVEBOX_PASSWORD="wrong horse battery").err for login in ("ann", "nobody")]
    assert wrong[0] == wrong[1]


def test_everybody_does_only_their_own(town):
    assert "organisations_manage" in town("ann", "tenant", "add", "x", "--kind", "bank", "--name-zh", "x", "--name-en", "x", code=3).err
    assert town("mei", "contract", "add", CONTRACTS / "tx_vat_declaration.yaml", code=3).err


def test_who_leaves_is_shut_out_and_who_returns_is_let_in(town):
    assert town("admin", "user", "disable", "ann", "--json").json["disabled"] is True
    assert "glovebox login" in town("ann", "whoami", code=3).err
    assert town("ann", "login", "ann", code=3, GLOVEBOX_PASSWORD=PASSWORD).err
    assert town("admin", "user", "enable", "ann", "--json").json["disabled"] is False
    town("ann", "login", "ann", GLOVEBOX_PASSWORD=PASSWORD)


def test_a_bank_sees_its_project_and_what_it_was_town(town):
    assert town("ann", "project", "show", "loans", "--json").json["members"] == ["ann"]
    grant = town("ann", "grant", "list", "loans", "--json").json[0]
    fields = {field["name"]: field["grantable"] for field in town("ann", "dataset", "show", grant["dataset"], "--json").json["fields"]}
    assert set(grant["fields"]) == {name for name, grantable in fields.items() if grantable}
    assert "loans" in town("ann", "project", "list").out


def test_searching_finds_datasets_and_fields(town):
    hits = town("ann", "dataset", "search", "declar", "--json").json
    assert {hit["dataset"] for hit in hits} >= {"tx_vat_declaration"}


def test_a_refused_grant_says_why(town):
    project = town("sid", "project", "list", "--json").json[0]["id"]
    ended = town("tom", "grant", "add", project, "tx_vat_declaration", "--field", "uscc", "--expires", "2099-06-30", code=2)
    assert "uscc" in ended.err


def test_keys_are_registered_by_their_holders_and_confirmed_by_others(town, tmp_path):
    town("olga", "key", "new", "officer", tmp_path / "olga.key", "--holder", "olga", GLOVEBOX_PASSPHRASE=PASSPHRASE)
    town("ann", "key", "new", "bank", tmp_path / "bank_a.key", "--holder", "bank_a", GLOVEBOX_PASSPHRASE=PASSPHRASE)
    for login, file in (("olga", "olga.key.pub"), ("ann", "bank_a.key")):
        registered = town(login, "key", "register", tmp_path / file, "--json").json
        town("sid", "key", "confirm", registered["key_id"], "--fingerprint", "0" * 40, code=3)
        read_aloud = registered["fingerprint"].upper()
        town("sid", "key", "confirm", registered["key_id"], "--fingerprint", f"{read_aloud[:20]} {read_aloud[20:]}")
    trust = town("ann", "trust", "show", "--to", tmp_path / "trust.json", "--json").json
    assert [officer["organisation"] for officer in trust["officers"]] == ["operator"]
    assert (tmp_path / "trust.json").exists()


def test_a_cohort_leaves_sealed_and_waits_for_its_match(town, tmp_path):
    cohort = tmp_path / "loans.csv"
    cohort.write_text("row_id,uscc,observation_date,label\n1,canary-of-a-firm,2024-01-31,0\n", "utf-8")
    started = town("ann", "cohort", "upload", cohort, "--project", "loans", "--dataset", "mr_enterprise_base", "--json").json
    assert town("ann", "job", "show", started["job_id"], "--json").json["status"] == "queued"
    assert [each["name"] for each in town("ann", "cohort", "list", "--project", "loans", "--json").json] == ["loans"]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert b"canary-of-a-firm" not in everything


def test_a_batch_is_landed_before_its_intake_is_asked_for(town, tmp_path):
    batch = tmp_path / "june.csv"
    batch.write_text("uscc\n", "utf-8")
    job = town("tom", "intake", "tx_vat_declaration", batch, "--json").json["job_id"]
    landed = tmp_path / "home" / "landing" / "TX" / "june.csv"
    assert (landed.read_bytes(), landed.stat().st_mode & 0o777) == (batch.read_bytes(), 0o600)
    assert job in town("tom", "job", "list").out
    batch.write_text("other\n", "utf-8")
    assert "a name of its own" in town("tom", "intake", "tx_vat_declaration", batch, code=2).err


FEATURES = """
features:
  - {name: capital, dataset: mr_enterprise_base, aggregate: last, field: reg_capital_wan}
"""
STEP = """
version: 1
project: loans
steps:
  train_one:
    kind: train
    inputs: {cohort: none, features: [capital]}
    params: {algorithm: lightgbm}
    outputs: {model: {path: model.txt, type: model.trees, level: release}, report: {path: report.json, type: metrics, level: release}}
"""


def test_a_step_that_asks_for_what_was_not_granted_is_refused(town, tmp_path):
    (tmp_path / "features.yaml").write_text(FEATURES, "utf-8")
    (tmp_path / "glovebox.yaml").write_text(STEP, "utf-8")
    town("mei", "feature", "add", tmp_path / "features.yaml")
    assert [feature["name"] for feature in town("ann", "feature", "list", "--json").json] == ["capital"]
    ended = town("ann", "submit", "--file", tmp_path / "glovebox.yaml", code=3)
    assert ended.out == ""
    assert "reg_capital_wan" in ended.err
    assert [job["status"] for job in town("ann", "job", "list", "--json").json] == ["refused"]


def test_the_ledger_of_all_this_is_whole_here_and_in_a_copy(town, tmp_path):
    assert "whole" in town("aud", "ledger", "verify").out
    assert town("aud", "ledger", "show", "--limit", "3", "--json").json[0]["seq"] > 20
    town("aud", "trust", "show", "--to", tmp_path / "trust.json")
    for path in (tmp_path / "home").glob("glovebox.db*"):
        shutil.copy(path, tmp_path / path.name)
    verify = ("ledger", "verify", "--database", tmp_path / "glovebox.db", "--trust", tmp_path / "trust.json", "--json")
    assert town("aud", *verify).json["ok"]
    data = (tmp_path / "glovebox.db").read_bytes()
    (tmp_path / "glovebox.db").write_bytes(data.replace(b'"action":"project.add"', b'"action":"project.bad"'))
    tampered = town("aud", *verify, code=1).json
    assert [problem["code"] for problem in tampered["problems"]][:1] == ["ledger.record_changed"]


def test_the_same_answers_in_chinese(town):
    assert "台账完整" in town("aud", "ledger", "verify", GLOVEBOX_LANG="zh").out
