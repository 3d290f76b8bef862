"""A small world for releases: a platform with keys, three officers of three organisations, a bank, a release that two approved."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.checkpoint import sign_checkpoint
from catalog.keys import Signature, files, sealing
from catalog.keys.signatures import fingerprint, framed
from sandbox.airlock.officers import OfficerKey
from sandbox.airlock.package import OutgoingFile, OutgoingRelease, build_package
from sandbox.airlock.trust import TrustFile
from sandbox.airlock.votes import SignedVote, VoteStatement

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HASHES = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("spec_hash", "policy_hash", "check_report_hash")}


class Officer:
    """A person with a key of their own."""

    def __init__(self, name, organisation):
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.key = OfficerKey(name, organisation, self.private.public_key().public_bytes_raw())

    def sign(self, statement, purpose="vote"):
        value = self.private.sign(framed(purpose, statement.canonical_bytes()))
        return SignedVote(statement, Signature("intl", fingerprint(self.key.public_key), value))


class Bank:
    """A holder of an age identity: what the port Reception asks."""

    def __init__(self):
        self._secret, self.recipient = sealing.new_identity()

    def open(self, sealed):
        return sealing.open_with(self._secret, sealed)


class World:
    """Everything a release needs, with ways to make it slightly wrong."""

    now = NOW

    def __init__(self, folder):
        files.create_platform_keys(folder / "keys")
        self.release_signer = files.FileSigner.load(folder / "keys", "release")
        self.ledger_signer = files.FileSigner.load(folder / "keys", "ledger")
        self.li, self.wang, self.zhao = Officer("li", "operator"), Officer("wang", "dept_mr"), Officer("zhao", "bank_a")
        self.officers = [self.li.key, self.wang.key, self.zhao.key]
        self.bank, self.other_bank = Bank(), Bank()
        self.files = [
            OutgoingFile("model.txt", "model.trees", b"tree\nversion=v4\n" * 20),
            OutgoingFile("metrics.json", "metrics", b'{"auc":0.71}'),
            OutgoingFile("scores.csv", "scores", b"row,band\n1,7\n2,3\n"),
        ]
        self.release = OutgoingRelease(
            platform="province-credit",
            release_id="release-1",
            attempt=1,
            kind="train",
            tenant_id="bank_a",
            project_id="project-1",
            author="chen",
            grade=3,
            recipient=self.bank.recipient,
            references={"code": "c" * 64, "environment": "e" * 16, "snapshot": "snapshot-1"},
            **HASHES,
        )

    def trust(self, path=None, **changes):
        known = TrustFile(
            "province-credit", (self.release_signer.public_key,), (self.ledger_signer.public_key,), (self.li.key, self.wang.key), path
        )
        return dataclasses.replace(known, **changes)

    def statement(self, nonce, **changes):
        said = VoteStatement(
            release_id="release-1",
            attempt=1,
            decision="approve",
            files={file.name: hashlib.sha256(file.data).hexdigest() for file in self.files},
            recipient_fingerprint=sealing.recipient_fingerprint(self.bank.recipient),
            removal_allowed=False,
            grade=3,
            issued_at=NOW - timedelta(hours=2),
            expires_at=NOW + timedelta(days=2),
            nonce=nonce * 32,
            **HASHES,
        )
        return dataclasses.replace(said, **changes)

    def votes(self, **changes):
        return [self.li.sign(self.statement("a", **changes)), self.wang.sign(self.statement("b", **changes))]

    def checkpoint(self, size=120, root="ab" * 32, time=NOW, origin="province-credit"):
        return sign_checkpoint(self.ledger_signer, origin, size, root, time)

    def package(self, **changes):
        parts = {
            "release": self.release,
            "files": self.files,
            "votes": self.votes(),
            "officers": self.officers,
            "checkpoint": self.checkpoint(),
            "signer": self.release_signer,
            "now": NOW,
        } | changes
        return build_package(parts.pop("release"), parts.pop("files"), parts.pop("votes"), **parts)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("platform"))
