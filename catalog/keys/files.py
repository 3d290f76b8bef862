"""The ports on key files: the honest embedded default, where one administrator of the machine can read every key.

Each purpose has its own file and its own key, so that a process, later a host, can be given one and not the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from catalog import identifiers, pseudonyms
from catalog.errors import Broken, IntegrityBroken
from catalog.keys import sealing
from catalog.keys.key_file import StoredKey, create_key, key_path, load_key
from catalog.keys.ports import INTERNATIONAL, Signature
from catalog.keys.secret import Secret
from catalog.keys.signatures import fingerprint, framed

SIGNING: Final = ("release", "ledger", "session")
SYMMETRIC: Final = ("pseudonym", "rest", "tokens")
RECEPTION: Final = "reception"
PURPOSES: Final = (*SYMMETRIC, RECEPTION, *SIGNING)
KEY_BYTES: Final = 32

_MAGIC = b"GBE\x01"
_SUITE_BYTE = {INTERNATIONAL: b"\x01"}
_KEY_MARK_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = len(_MAGIC) + 1 + _KEY_MARK_BYTES


def create_platform_keys(keys_dir: Path) -> tuple[str, ...]:
    """Make every key that is still missing; returns the purposes made. An existing key is never touched. Safe to repeat."""
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    missing = tuple(purpose for purpose in PURPOSES if not key_path(keys_dir, purpose).exists())
    for purpose in missing:
        key_id, secret = _new_key(purpose)
        create_key(keys_dir, purpose, key_id, secret)
    return missing


def _new_key(purpose: str) -> tuple[str, Secret]:
    if purpose == RECEPTION:
        identity, recipient = sealing.new_identity()
        return sealing.recipient_fingerprint(recipient), Secret(identity.encode("ascii"))
    if purpose in SIGNING:
        private = Ed25519PrivateKey.generate()
        return fingerprint(private.public_key().public_bytes_raw()), Secret(private.private_bytes_raw())
    return identifiers.new_id("key"), Secret(os.urandom(KEY_BYTES))


class FileSigner:
    """``Signer`` with an Ed25519 key from a file."""

    __slots__ = ("_private", "key_id", "public_key", "purpose", "suite")

    def __init__(self, stored: StoredKey) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(_exactly_32(stored).reveal())
        self.public_key = self._private.public_key().public_bytes_raw()
        self.key_id = fingerprint(self.public_key)
        self.purpose = stored.purpose
        self.suite = stored.suite

    @classmethod
    def load(cls, keys_dir: Path, purpose: str) -> FileSigner:
        """The signer for ``release``, ``ledger`` or ``session``. Raises ValueError for another purpose, else as ``load_key``."""
        if purpose not in SIGNING:
            raise ValueError(f"{purpose!r} is not a signing purpose")
        return cls(load_key(keys_dir, purpose))

    def sign(self, message: bytes) -> Signature:
        return Signature(self.suite, self.key_id, self._private.sign(framed(self.purpose, message)))

    def __repr__(self) -> str:
        return f"FileSigner(purpose={self.purpose!r}, key_id={self.key_id!r})"


class FileKeyAgent:
    """``KeyAgent`` in this process, with the pseudonym key from a file."""

    __slots__ = ("_secret", "key_id")

    def __init__(self, stored: StoredKey) -> None:
        self._secret = _exactly_32(stored)
        self.key_id = stored.key_id

    @classmethod
    def load(cls, keys_dir: Path) -> FileKeyAgent:
        return cls(load_key(keys_dir, "pseudonym"))

    def topic_ids(self, domain: str, identifiers: Sequence[str | None]) -> list[str | None]:
        return pseudonyms.topic_ids(self._secret.reveal(), domain, identifiers)

    def __repr__(self) -> str:
        return f"FileKeyAgent(key_id={self.key_id!r})"


class FileEnvelope:
    """``Envelope``: AES-256-GCM under a key that HKDF-SHA256 (RFC 5869) derives per scope.

    Sealed form: magic 4 ‖ suite 1 ‖ mark of the root key 8 ‖ nonce 12 ‖ ciphertext and tag. The header and the scope are
    authenticated too. The mark lets a later envelope with several root keys pick the right one.
    """

    __slots__ = ("_header", "_secret", "key_id")

    def __init__(self, stored: StoredKey) -> None:
        self._secret = _exactly_32(stored)
        self.key_id = stored.key_id
        mark = bytes.fromhex(fingerprint(stored.key_id.encode("utf-8")))[:_KEY_MARK_BYTES]
        self._header = _MAGIC + _SUITE_BYTE[stored.suite] + mark

    @classmethod
    def load(cls, keys_dir: Path) -> FileEnvelope:
        return cls(load_key(keys_dir, "rest"))

    def seal(self, scope: str, plaintext: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._derive("seal", scope)).encrypt(nonce, plaintext, self._header + scope.encode("utf-8"))
        return self._header + nonce + sealed

    def open(self, scope: str, sealed: bytes) -> bytes:
        header, nonce, body = (
            sealed[:_HEADER_BYTES],
            sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES],
            sealed[_HEADER_BYTES + _NONCE_BYTES :],
        )
        if header != self._header or len(nonce) != _NONCE_BYTES:
            raise IntegrityBroken("keys.envelope_broken")
        try:
            return AESGCM(self._derive("seal", scope)).decrypt(nonce, body, header + scope.encode("utf-8"))
        except InvalidTag:
            raise IntegrityBroken("keys.envelope_broken") from None

    def tag(self, scope: str, label: bytes) -> str:
        mac = HMAC(self._derive("tag", scope), hashes.SHA256())
        mac.update(label)
        return mac.finalize().hex()

    def _derive(self, use: str, scope: str) -> bytes:
        return _derive(self._secret, f"rest/{use}/{scope}")

    def __repr__(self) -> str:
        return f"FileEnvelope(key_id={self.key_id!r})"


class FileReception:
    """``Reception`` with an age identity from a file."""

    __slots__ = ("_secret", "recipient")

    def __init__(self, stored: StoredKey) -> None:
        self._secret = stored.secret
        self.recipient = sealing.recipient_of(stored.secret.reveal().decode("ascii"))

    @classmethod
    def load(cls, keys_dir: Path) -> FileReception:
        return cls(load_key(keys_dir, RECEPTION))

    def open(self, sealed: bytes) -> bytes:
        return sealing.open_with(self._secret.reveal().decode("ascii"), sealed)

    def __repr__(self) -> str:
        return f"FileReception(recipient={self.recipient!r})"


class FileTokenKeys:
    """``TokenKeys``: one root from a file, HKDF-SHA256 per project."""

    __slots__ = ("_secret", "key_id")

    def __init__(self, stored: StoredKey) -> None:
        self._secret = _exactly_32(stored)
        self.key_id = stored.key_id

    @classmethod
    def load(cls, keys_dir: Path) -> FileTokenKeys:
        return cls(load_key(keys_dir, "tokens"))

    def project_token_key(self, project_id: str) -> bytes:
        return _derive(self._secret, f"project-token/{project_id}")

    def __repr__(self) -> str:
        return f"FileTokenKeys(key_id={self.key_id!r})"


def _derive(secret: Secret, information: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=b"glovebox/" + information.encode("utf-8"))
    return kdf.derive(secret.reveal())


def _exactly_32(stored: StoredKey) -> Secret:
    if len(stored.secret.reveal()) != KEY_BYTES:
        raise Broken("keys.file_damaged", path=stored.key_id, purpose=stored.purpose)
    return stored.secret
