"""A person's own key: protected by a passphrase, made and used on their side, shown nowhere."""

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.errors import BadInput, GloveboxError
from catalog.keys.public import PublicKeyDocument
from catalog.keys.sealing import recipient_fingerprint, seal_to
from catalog.keys.signatures import fingerprint
from gateway.client import personal_keys
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.votes import VoteStatement, verify_vote

PASSPHRASE = "four unrelated words"
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("own")
    personal_keys.create(made / "officer.key", "officer", PASSPHRASE, "li")
    personal_keys.create(made / "bank.key", "bank", PASSPHRASE, "bank_a")
    return made


@pytest.fixture(scope="module")
def officer(folder):
    return personal_keys.load(folder / "officer.key", PASSPHRASE)


@pytest.fixture(scope="module")
def bank(folder):
    return personal_keys.load(folder / "bank.key", PASSPHRASE)


def test_an_officer_s_vote_verifies_with_the_public_half(officer):
    statement = VoteStatement(
        release_id="release-1",
        attempt=1,
        decision="approve",
        files={"model.txt": "0" * 64},
        spec_hash="1" * 64,
        policy_hash="2" * 64,
        check_report_hash="3" * 64,
        recipient_fingerprint="4" * 40,
        removal_allowed=False,
        grade=3,
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
        nonce="5" * 32,
    )
    public = PublicKeyDocument.from_json(officer.public_document())
    verify_vote(statement, officer.sign_vote(statement.to_json()), OfficerKey("li", "operator", public.signing_key), NOW)


def test_a_bank_opens_what_was_sealed_to_its_recipient(bank):
    assert bank.open(seal_to([bank.recipient], b"package")) == b"package"


def test_a_bank_s_key_does_not_vote_and_an_officer_s_key_does_not_open(bank, officer):
    with pytest.raises(BadInput):
        bank.sign_vote({})
    with pytest.raises(BadInput):
        officer.open(b"")
    with pytest.raises(BadInput):
        _ = officer.recipient


def test_the_public_half_is_a_small_document_with_a_fingerprint_to_compare(bank, officer):
    document = bank.public_document()
    assert sorted(document) == ["fingerprint", "holder", "key_id", "kind", "recipient", "signing_key", "suite", "v"]
    assert document["fingerprint"] == recipient_fingerprint(bank.recipient)
    assert officer.public_document()["fingerprint"] == officer.key_id == fingerprint(officer.public.signing_key)
    assert PublicKeyDocument.from_json(json.loads(json.dumps(document))) == bank.public


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("suite", "gm"),
        ("kind", "officer"),
        ("kind", "root"),
        ("holder", None),
        ("key_id", "0" * 40),
        ("signing_key", "AAAA"),
        ("signing_key", None),
        ("recipient", None),
        ("recipient", "age1nobody"),
        ("recipient", 7),
        ("fingerprint", "0" * 40),
        ("note", ""),
    ],
)
def test_a_public_document_that_contradicts_itself_is_refused(bank, field, value):
    with pytest.raises(BadInput) as refusal:
        PublicKeyDocument.from_json({**bank.public_document(), field: value})
    assert refusal.value.code == "keys.bad_public_document"


def test_a_wrong_passphrase_says_what_to_do_and_not_what_was_typed(folder):
    with pytest.raises(BadInput) as refusal:
        personal_keys.load(folder / "officer.key", "four unrelated wordS")
    assert refusal.value.code == "keys.wrong_passphrase"
    assert "glovebox key new" in refusal.value.text("en")
    assert "wordS" not in repr(refusal.value.params) + str(refusal.value)


def test_a_key_file_is_private_holds_no_plain_key_and_is_never_overwritten(folder, bank):
    path = folder / "bank.key"
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"AGE-SECRET-KEY" not in before
    with pytest.raises(BadInput):
        personal_keys.create(path, "bank", PASSPHRASE, "bank_a")
    assert path.read_bytes() == before


def test_a_short_passphrase_and_an_unknown_kind_are_refused(tmp_path):
    for kind, passphrase in (("officer", "short"), ("root", PASSPHRASE)):
        with pytest.raises(BadInput):
            personal_keys.create(tmp_path / "k", kind, passphrase, "li")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("edit", ["holder", "salt", "nonce", "sealed", "recipient"])
def test_a_changed_file_does_not_open(folder, tmp_path, edit):
    document = json.loads((folder / "bank.key").read_text())
    other = personal_keys.create(tmp_path / "other.key", "bank", PASSPHRASE, "bank_b")
    replacement = json.loads((tmp_path / "other.key").read_text())
    if edit == "holder":
        document["public"]["holder"] = "bank_b"
    elif edit == "recipient":
        document["public"] = other.public_document()
    elif edit == "salt":
        document["kdf"]["salt"] = replacement["kdf"]["salt"]
    else:
        document[edit] = replacement[edit]
    (tmp_path / "changed.key").write_text(json.dumps(document))
    with pytest.raises(BadInput) as refusal:
        personal_keys.load(tmp_path / "changed.key", PASSPHRASE)
    assert refusal.value.code == "keys.wrong_passphrase"


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.clear(),
        lambda document: document.update(v=2),
        lambda document: document.update(suite="gm"),
        lambda document: document.update(nonce="!"),
        lambda document: document["kdf"].update(name="none"),
        lambda document: document["kdf"].update(n=2**30),
        lambda document: document["kdf"].update(n=2),
        lambda document: document["kdf"].update(n=2**17 + 1),
        lambda document: document["kdf"].update(r=2**20),
        lambda document: document["public"].update(key_id="0" * 40),
    ],
)
def test_a_file_that_is_no_key_or_would_exhaust_the_machine_is_refused(folder, tmp_path, edit):
    document = json.loads((folder / "bank.key").read_text())
    edit(document)
    (tmp_path / "odd.key").write_text(json.dumps(document))
    with pytest.raises(BadInput) as refusal:
        personal_keys.load(tmp_path / "odd.key", PASSPHRASE)
    assert refusal.value.code == "keys.not_a_key_file"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput):
        personal_keys.load(tmp_path / "none.key", PASSPHRASE)


def test_an_opened_key_is_never_printed_or_pickled(bank):
    secrets = [bank._signing.reveal().hex(), repr(bank._signing.reveal())[2:-1], bank._identity.reveal().decode()]
    for shown in (repr(bank), str(bank), f"{bank}", repr(bank.public), json.dumps(bank.public_document())):
        assert not [secret for secret in secrets if secret in shown]
    with pytest.raises(TypeError):
        pickle.dumps(bank)
    with pytest.raises(GloveboxError) as refusal:
        bank.open(b"not sealed")
    assert not [secret for secret in secrets if secret in repr(refusal.value.params) + str(refusal.value)]


def test_it_carries_no_server_code():
    code = "import sys, gateway.client.personal_keys; print(sorted({n.split('.')[0] for n in sys.modules} & set(sys.argv[1:])))"
    servers = ["sqlalchemy", "fastapi", "ray", "pyarrow", "polars", "numpy", "jobs", "engines", "sandbox"]
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code, *servers], cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
