"""An officer's or a bank's own key: made, kept and used on their side. The platform only ever sees the public half.

The file is JSON whose private part is sealed with AES-256-GCM under a key that scrypt (RFC 7914) draws from the passphrase;
everything else in the file is authenticated with it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from catalog import canonical_json
from catalog.errors import BadInput
from catalog.keys import sealing
from catalog.keys.ports import INTERNATIONAL, Signature
from catalog.keys.public import Kind, PublicKeyDocument
from catalog.keys.secret import Secret
from catalog.keys.signatures import framed
from catalog.private_files import write_new

VERSION: Final = 1
SHORTEST_PASSPHRASE: Final = 12  # characters; NIST SP 800-63B asks 8, but this file can be attacked offline
SCRYPT_COST: Final = 2**17  # 128 MiB and about half a second: OWASP's first choice for scrypt
LARGEST_COST: Final = 2**20  # a file from a stranger must not exhaust this machine
_SCRYPT_BLOCK, _SCRYPT_LANES = 8, 1
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_FIELDS = {"v", "suite", "public", "kdf", "nonce", "sealed"}


class PersonalKey:
    """An opened key. Officers sign votes; banks open packages and sign. Never printed, never pickled."""

    __slots__ = ("_identity", "_signing", "public")

    def __init__(self, public: PublicKeyDocument, signing: Secret, identity: Secret | None) -> None:
        self.public = public
        self._signing = signing
        self._identity = identity

    @property
    def key_id(self) -> str:
        return self.public.key_id

    @property
    def recipient(self) -> str:
        """The age recipient packages are sealed to. Raises BadInput("keys.cannot_open") for an officer's key."""
        if self.public.recipient is None:
            raise BadInput("keys.cannot_open")
        return self.public.recipient

    def public_document(self) -> dict[str, Any]:
        """What is registered with the platform: {v, suite, kind, holder, key_id, signing_key, recipient, fingerprint}."""
        return self.public.to_json()

    def sign(self, purpose: str, message: bytes) -> Signature:
        """Sign ``message`` for ``purpose`` (a lower-case word)."""
        private = Ed25519PrivateKey.from_private_bytes(self._signing.reveal())
        return Signature(self.public.suite, self.key_id, private.sign(framed(purpose, message)))

    def sign_vote(self, statement: Mapping[str, Any]) -> Signature:
        """Sign a vote's statement (the JSON of ``VoteStatement``). Raises BadInput("keys.cannot_vote") for a bank's key."""
        if self.public.kind != "officer":
            raise BadInput("keys.cannot_vote")
        return self.sign("vote", canonical_json.dumps(dict(statement)))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed to this bank. Raises BadInput for an officer's key, IntegrityBroken when it does not open."""
        if self._identity is None:
            raise BadInput("keys.cannot_open")
        return sealing.open_with(self._identity.reveal().decode("ascii"), sealed)

    def __repr__(self) -> str:
        return f"PersonalKey(kind={self.public.kind!r}, key_id={self.key_id!r})"


def create(path: Path, kind: str, passphrase: str, holder: str) -> PersonalKey:
    """Make a key for ``holder`` (a user's or an organisation's name) and write it, protected by ``passphrase``, to ``path``.

    Raises BadInput for an unknown kind, a short passphrase, or when ``path`` exists: a key is never overwritten.
    """
    if kind not in ("officer", "bank"):
        raise BadInput("keys.bad_kind", kind=kind)
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BadInput("keys.short_passphrase", minimum=SHORTEST_PASSPHRASE)
    key = _generate(cast(Kind, kind), holder)
    write_new(path, canonical_json.dumps(_lock(key, passphrase)) + b"\n")
    return key


def load(path: Path, passphrase: str) -> PersonalKey:
    """Open the key in ``path``. Raises BadInput: no such key file, or the passphrase does not open it."""
    try:
        header = canonical_json.loads(path.read_bytes())
        _check_header(header)
        public = PublicKeyDocument.from_json(header["public"])
        nonce, sealed = _bytes(header["nonce"]), _bytes(header["sealed"])
        lock = _passphrase_key(passphrase, header["kdf"])
    except (OSError, ValueError, TypeError, KeyError, BadInput):
        raise BadInput("keys.not_a_key_file", path=str(path)) from None
    try:
        opened = canonical_json.loads(AESGCM(lock.reveal()).decrypt(nonce, sealed, _bound(header)))
    except (InvalidTag, ValueError):
        raise BadInput("keys.wrong_passphrase", path=str(path)) from None
    return PersonalKey(public, Secret(_bytes(opened["signing"])), _identity_in(opened))


def _generate(kind: Kind, holder: str) -> PersonalKey:
    private = Ed25519PrivateKey.generate()
    secret, recipient = sealing.new_identity() if kind == "bank" else (None, None)
    public = PublicKeyDocument(kind, holder, private.public_key().public_bytes_raw(), recipient)
    identity = None if secret is None else Secret(secret.encode("ascii"))
    return PersonalKey(public, Secret(private.private_bytes_raw()), identity)


def _lock(key: PersonalKey, passphrase: str) -> dict[str, Any]:
    kdf = {"name": "scrypt", "n": SCRYPT_COST, "r": _SCRYPT_BLOCK, "p": _SCRYPT_LANES, "salt": _text(os.urandom(_SALT_BYTES))}
    nonce = os.urandom(_NONCE_BYTES)
    header: dict[str, Any] = {"v": VERSION, "suite": INTERNATIONAL, "public": key.public_document(), "kdf": kdf, "nonce": _text(nonce)}
    identity = key._identity
    private = canonical_json.dumps(
        {"signing": _text(key._signing.reveal()), "identity": None if identity is None else identity.reveal().decode("ascii")}
    )
    sealed = AESGCM(_passphrase_key(passphrase, kdf).reveal()).encrypt(nonce, private, _bound(header))
    return {**header, "sealed": _text(sealed)}


def _check_header(header: Any) -> None:
    kdf = header["kdf"]
    if set(header) != _FIELDS or header["v"] != VERSION or header["suite"] != INTERNATIONAL:
        raise ValueError("header")
    if kdf["name"] != "scrypt" or (kdf["r"], kdf["p"]) != (_SCRYPT_BLOCK, _SCRYPT_LANES):
        raise ValueError("kdf")
    if type(kdf["n"]) is not int or not SCRYPT_COST <= kdf["n"] <= LARGEST_COST or kdf["n"] & (kdf["n"] - 1):
        raise ValueError("kdf cost")


def _passphrase_key(passphrase: str, kdf: Mapping[str, Any]) -> Secret:
    scrypt = Scrypt(salt=_bytes(kdf["salt"]), length=_KEY_BYTES, n=kdf["n"], r=kdf["r"], p=kdf["p"])
    return Secret(scrypt.derive(passphrase.encode("utf-8")))


def _bound(header: Mapping[str, Any]) -> bytes:
    return canonical_json.dumps({name: value for name, value in header.items() if name != "sealed"})


def _identity_in(opened: Mapping[str, Any]) -> Secret | None:
    identity = opened["identity"]
    return None if identity is None else Secret(identity.encode("ascii"))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("base64") from None
