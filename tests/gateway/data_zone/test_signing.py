"""The signer goes through all that waits, whatever befalls one of them."""

import logging
from types import SimpleNamespace

from catalog.errors import IntegrityBroken
from gateway.data_zone.signing import ReleaseSigner
from sandbox.store import releases


class Signer(ReleaseSigner):
    """Three releases: the first meets a bug, the second is damaged and cannot even be reopened, the third is well."""

    done = []

    def advance(self, release):
        if release.id == "rel-1":
            raise KeyError("a value nobody may read in a log")
        if release.id == "rel-2":
            raise IntegrityBroken("vault.damaged", sha256="0" * 64)
        self.done.append(release.id)

    def _reopen(self, release, refusal):
        raise ZeroDivisionError


def test_one_release_that_fails_does_not_hold_up_the_others(database, monkeypatch, caplog):
    waiting = [SimpleNamespace(id=f"rel-{number}") for number in (1, 2, 3)]
    monkeypatch.setattr(releases, "releases_where", lambda tx, **_: waiting)
    with caplog.at_level(logging.ERROR, "glovebox.signing"):
        Signer(SimpleNamespace(database=database), None, None, "platform").advance_all()
    assert set(Signer.done) == {"rel-3"}
    assert "KeyError at test_signing.py" in caplog.text
    assert "nobody may read" not in caplog.text
    assert "vault.damaged" in caplog.text
