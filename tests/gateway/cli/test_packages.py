"""What a bank reads when it verifies, and how it keeps its trust file up to date."""

import dataclasses
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from catalog import canonical_json
from gateway.cli import packages as commands
from gateway.client import packages
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.trust import TrustFile
from sandbox.airlock.verify import Verified

TRUST = TrustFile("province", (b"r" * 32,), (b"l" * 32,), (OfficerKey("wang", "MR", b"w" * 32),))
NEWER = dataclasses.replace(TRUST, officers=(OfficerKey("zhou", "TX", b"z" * 32),))


def write(path, trust):
    path.write_bytes(canonical_json.dumps(trust.to_json()))
    return path


@pytest.fixture
def verify(terminal, tmp_path, monkeypatch):
    """``verify(not_pinned, *options)``: the command over a package in which everything else is in order."""
    trust, package = write(tmp_path / "trust", TRUST), tmp_path / "a.gbx"
    package.write_bytes(b"PK\x03\x04")

    def run(not_pinned, *options):
        manifest = SimpleNamespace(
            platform="province", custody="embedded", release_id="rel-1", kind="scores", created=datetime(2026, 1, 2, tzinfo=UTC)
        )
        manifest.files, manifest.votes, manifest.checkpoint = [], [], SimpleNamespace(size=7)
        monkeypatch.setattr(packages, "verify_package", lambda *_: Verified(manifest, {"model.txt": b"x"}, not_pinned))
        return terminal("verify", package, "--trust", trust, *options)

    return run


def test_two_pinned_officers_are_said_to_have_approved(verify):
    ended = verify(())
    assert ended.code == 0
    assert "two officers approved" in ended.out


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--allow-unknown-voters",), 0)])
def test_a_voter_nobody_pinned_is_never_said_to_have_approved(verify, options, code):
    ended = verify(("k" * 40,), *options)
    assert ended.code == code
    assert "two officers approved" not in ended.out
    assert "NOT verified" in ended.out
    assert "k" * 40 in ended.err
    told = verify(("k" * 40,), *options, "--json")
    assert (told.code, told.json["verified"]) == (code, False)


@pytest.mark.parametrize(("allowed", "written"), [(False, False), (True, True)])
def test_files_of_unknown_voters_are_written_only_when_they_are_allowed(verify, tmp_path, allowed, written):
    verify(("k" * 40,))
    packages.verify(tmp_path / "a.gbx", tmp_path / "trust", object(), tmp_path / "model", allow_unknown_voters=allowed)
    assert (tmp_path / "model").exists() is written


def test_a_file_that_is_no_package_is_told_so(terminal, tmp_path):
    other = write(tmp_path / "notes.txt", TRUST)
    ended = terminal("verify", other, "--trust", other)
    assert (ended.code, "is no package" in ended.err) == (2, True)


@pytest.mark.parametrize(("yes", "kept"), [((), TRUST), (("--yes",), NEWER)])
def test_a_trust_file_is_rewritten_only_when_told(terminal, tmp_path, monkeypatch, yes, kept):
    class Platform:
        trust = staticmethod(NEWER.to_json)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(commands.connection, "anonymous", Platform)
    path = write(tmp_path / "pinned", TRUST)
    ended = terminal("trust", "show", "--update", path, *yes)
    assert ended.code == 0, ended.err
    assert [(line.split()[0], line.split()[-2]) for line in ended.out.splitlines()[1:]] == [("+", "zhou"), ("-", "wang")]
    assert json.loads(path.read_bytes()) == kept.to_json()
