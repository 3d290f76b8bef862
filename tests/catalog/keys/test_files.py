"""Key files: who may read them, what happens to damaged ones, and that no key is ever shown."""

import base64
import json
import os
import pickle
import traceback

import pytest

from catalog.errors import BadInput, Broken, GloveboxError, Unavailable
from catalog.keys import files
from catalog.keys.key_file import create_key, key_path, load_key
from catalog.keys.secret import Secret

IMPLEMENTATIONS = {
    "release": lambda folder: files.FileSigner.load(folder, "release"),
    "ledger": lambda folder: files.FileSigner.load(folder, "ledger"),
    "session": lambda folder: files.FileSigner.load(folder, "session"),
    "pseudonym": files.FileKeyAgent.load,
    "rest": files.FileEnvelope.load,
    "reception": files.FileReception.load,
    "tokens": files.FileTokenKeys.load,
}


@pytest.fixture
def keys_dir(tmp_path):
    files.create_platform_keys(tmp_path / "keys")
    return tmp_path / "keys"


def secret_of(keys_dir, purpose):
    return json.loads(key_path(keys_dir, purpose).read_text())["secret"]


def test_every_purpose_has_its_own_file_which_only_its_owner_reads(keys_dir):
    assert sorted(path.name for path in keys_dir.iterdir()) == sorted(f"{purpose}.key.json" for purpose in IMPLEMENTATIONS)
    assert {path.stat().st_mode & 0o777 for path in keys_dir.iterdir()} == {0o600}
    assert keys_dir.stat().st_mode & 0o777 == 0o700
    assert len({secret_of(keys_dir, purpose) for purpose in IMPLEMENTATIONS}) == len(IMPLEMENTATIONS)


def test_a_key_file_says_what_it_is(keys_dir):
    document = json.loads(key_path(keys_dir, "ledger").read_text())
    assert sorted(document) == ["created", "key_id", "purpose", "secret", "suite", "v"]
    assert (document["v"], document["suite"], document["purpose"]) == (1, "intl", "ledger")
    assert document["key_id"] == files.FileSigner.load(keys_dir, "ledger").key_id


def test_creating_again_makes_only_what_is_missing_and_touches_nothing_else(keys_dir):
    before = {path.name: path.read_bytes() for path in keys_dir.iterdir()}
    assert files.create_platform_keys(keys_dir) == ()
    key_path(keys_dir, "session").unlink()
    assert files.create_platform_keys(keys_dir) == ("session",)
    after = {path.name: path.read_bytes() for path in keys_dir.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"session.key.json"}


def test_an_existing_key_is_never_overwritten(keys_dir):
    before = key_path(keys_dir, "rest").read_bytes()
    with pytest.raises(BadInput) as refusal:
        create_key(keys_dir, "rest", "key-new", Secret(b"n" * 32))
    assert refusal.value.code == "private_file.exists"
    assert key_path(keys_dir, "rest").read_bytes() == before
    assert not list(keys_dir.glob(".*.tmp"))


@pytest.mark.parametrize("purpose", IMPLEMENTATIONS)
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o610, 0o644])
def test_a_key_that_others_can_open_is_refused(keys_dir, purpose, mode):
    key_path(keys_dir, purpose).chmod(mode)
    with pytest.raises(Broken) as refusal:
        IMPLEMENTATIONS[purpose](keys_dir)
    assert refusal.value.code == "private_file.exposed"


@pytest.mark.parametrize("purpose", IMPLEMENTATIONS)
def test_a_key_in_a_folder_that_others_can_write_is_refused(keys_dir, purpose):
    keys_dir.chmod(0o770)
    with pytest.raises(Broken) as refusal:
        IMPLEMENTATIONS[purpose](keys_dir)
    assert refusal.value.code == "private_file.exposed"


def test_a_key_that_belongs_to_somebody_else_is_refused(keys_dir, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)  # the file stays; we become somebody else
    with pytest.raises(Broken) as refusal:
        files.FileSigner.load(keys_dir, "release")
    assert refusal.value.code == "private_file.exposed"


def test_a_key_behind_a_link_is_refused(keys_dir):
    real = key_path(keys_dir, "release").rename(keys_dir / "elsewhere")
    key_path(keys_dir, "release").symlink_to(real)
    with pytest.raises(Broken):
        files.FileSigner.load(keys_dir, "release")


def test_a_missing_key_says_which_file_to_restore(keys_dir):
    key_path(keys_dir, "release").unlink()
    with pytest.raises(Unavailable) as refusal:
        files.FileSigner.load(keys_dir, "release")
    assert "release.key.json" in refusal.value.text("en")


def test_one_purpose_s_key_under_another_purpose_s_name_is_refused(keys_dir):
    key_path(keys_dir, "release").write_bytes(key_path(keys_dir, "ledger").read_bytes())
    with pytest.raises(Broken) as refusal:
        files.FileSigner.load(keys_dir, "release")
    assert refusal.value.code == "keys.file_damaged"


@pytest.mark.parametrize("damage", ["truncated", "not_json", "short_secret", "not_base64", "other_suite", "extra_field"])
@pytest.mark.parametrize("purpose", ["release", "pseudonym", "rest", "tokens", "reception"])
def test_a_damaged_key_is_refused_without_quoting_it(keys_dir, purpose, damage):
    path = key_path(keys_dir, purpose)
    document = json.loads(path.read_text())
    secret = document["secret"]
    changed = {
        "truncated": lambda: path.read_text()[:-20],
        "not_json": lambda: secret,
        "short_secret": lambda: json.dumps({**document, "secret": base64.b64encode(b"short").decode()}),
        "not_base64": lambda: json.dumps({**document, "secret": secret + "!"}),
        "other_suite": lambda: json.dumps({**document, "suite": "gm"}),
        "extra_field": lambda: json.dumps({**document, "note": secret}),
    }[damage]()
    path.write_text(changed)
    with pytest.raises(GloveboxError) as refusal:
        IMPLEMENTATIONS[purpose](keys_dir)
    shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value.params) + refusal.value.text("zh")
    assert secret not in shown
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("purpose", IMPLEMENTATIONS)
def test_no_key_is_printed_or_pickled(keys_dir, purpose):
    holder, stored = IMPLEMENTATIONS[purpose](keys_dir), load_key(keys_dir, purpose)
    raw = stored.secret.reveal()
    canaries = [secret_of(keys_dir, purpose), raw.hex(), repr(raw)[2:-1]]
    for shown in (repr(holder), str(holder), f"{holder}", repr(stored), str(stored), f"{stored.secret!s:>20}"):
        assert not [canary for canary in canaries if canary in shown]
    for thing in (holder, stored, stored.secret):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_a_signing_purpose_nobody_knows_is_a_caller_s_mistake(keys_dir):
    with pytest.raises(ValueError):
        files.FileSigner.load(keys_dir, "pseudonym")
