"""How an officer or a bank makes a key on their own side."""

import stat

import pytest

from catalog.keys.public import PublicKeyDocument
from gateway.client import personal_keys, public_keys

PASSPHRASE = "four unrelated words here"


@pytest.mark.parametrize(("kind", "opens_packages"), [("officer", False), ("bank", True)])
def test_a_new_key_is_private_and_its_public_half_lies_beside_it(terminal, tmp_path, kind, opens_packages):
    path = tmp_path / "my.key"
    ended = terminal("key", "new", kind, path, "--holder", "ann", "--json", GLOVEBOX_PASSPHRASE=PASSPHRASE)
    assert ended.code == 0
    assert (ended.json["kind"], ended.json["holder"], ended.json["recipient"] is not None) == (kind, "ann", opens_packages)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert personal_keys.load(path, PASSPHRASE).public == public_keys.read_public(tmp_path / "my.key.pub")
    assert ended.json["fingerprint"] in ended.err  # what is read aloud to whoever confirms it


def test_a_key_is_never_overwritten(terminal, tmp_path):
    (tmp_path / "my.key.pub").write_text("older")
    ended = terminal("key", "new", "officer", tmp_path / "my.key", GLOVEBOX_PASSPHRASE=PASSPHRASE)
    assert ended.code == 2
    assert not (tmp_path / "my.key").exists()
    assert (tmp_path / "my.key.pub").read_text() == "older"


def test_the_passphrase_may_come_from_a_private_file_only(terminal, tmp_path):
    words = tmp_path / "passphrase"
    words.write_text(PASSPHRASE + "\n")
    words.chmod(0o644)
    refused = terminal("key", "new", "officer", tmp_path / "my.key", "--passphrase-file", words)
    assert (refused.code, (tmp_path / "my.key").exists()) == (1, False)
    words.chmod(0o600)
    assert terminal("key", "new", "officer", tmp_path / "my.key", "--passphrase-file", words).code == 0
    assert personal_keys.load(tmp_path / "my.key", PASSPHRASE)


def test_the_public_half_is_shown_without_a_passphrase(terminal, tmp_path):
    key = personal_keys.create(tmp_path / "my.key", "bank", PASSPHRASE, "bank_a")
    shown = terminal("key", "show", tmp_path / "my.key", "--json").json
    assert PublicKeyDocument.from_json(shown) == key.public


def test_a_short_passphrase_is_refused(terminal, tmp_path):
    ended = terminal("key", "new", "officer", tmp_path / "my.key", GLOVEBOX_PASSPHRASE="short")
    assert ended.code == 2
    assert "short" not in ended.err.replace("keys.short_passphrase", "")
