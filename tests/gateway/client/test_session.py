"""How the session is kept on somebody's machine."""

import stat

import pytest

from catalog.errors import BadInput, Broken
from gateway.client import session
from gateway.client.session import Session

ANN = Session("https://glovebox.example", "ann", "t0ken-of-ann", "2030-01-01T00:00:00.000000Z")


def test_only_its_owner_can_read_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVEBOX_CONFIG", str(tmp_path / "config" / "session.json"))
    path = session.save(ANN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert session.load() == ANN


def test_one_that_others_could_read_is_not_used(tmp_path):
    path = session.save(ANN, tmp_path / "session.json")
    path.chmod(0o640)
    with pytest.raises(Broken, match="could be read"):
        session.load(path)


def test_a_token_never_shows_in_a_repr():
    assert ANN.token not in repr(ANN)


def test_signing_in_again_replaces_it_and_signing_out_removes_it(tmp_path):
    path = tmp_path / "session.json"
    session.save(ANN, path)
    session.save(Session("", "bob", "t0ken-of-bob", ANN.expires_at), path)
    assert session.load(path).login == "bob"
    session.forget(path)
    session.forget(path)
    assert session.load(path) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"v":1}', b"\xff"])
def test_a_damaged_file_says_what_to_do(tmp_path, content):
    path = tmp_path / "session.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match="sign in again"):
        session.load(path)


@pytest.mark.parametrize(("chosen", "found"), [("own.json", "own.json"), ("folder", "folder/session.json")])
def test_its_place_can_be_chosen(tmp_path, monkeypatch, chosen, found):
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("GLOVEBOX_CONFIG", str(tmp_path / chosen))
    assert session.session_path() == tmp_path / found
