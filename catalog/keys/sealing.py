"""Sealing to somebody's public key with the age format (X25519, ChaCha20-Poly1305), so that any age tool can open it."""

from __future__ import annotations

from collections.abc import Sequence

import pyrage  # type: ignore[import-untyped]

from catalog.errors import BadInput, IntegrityBroken
from catalog.keys.signatures import fingerprint


def new_identity() -> tuple[str, str]:
    """A fresh ``(secret, recipient)``: the secret stays where it was made, the recipient is published."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of(secret: str) -> str:
    """The public half of a secret. Raises BadInput("keys.bad_identity")."""
    return str(_identity(secret).to_public())


def recipient_fingerprint(recipient: str) -> str:
    """What two people compare over the telephone before anything is sealed to ``recipient`` (40 hex characters)."""
    return fingerprint(recipient.encode("ascii"))


def check_recipient(recipient: str) -> str:
    """``recipient`` itself. Raises BadInput("keys.bad_recipient") when it is not an age X25519 recipient."""
    try:
        return str(pyrage.x25519.Recipient.from_str(recipient))
    except pyrage.RecipientError:
        raise BadInput("keys.bad_recipient") from None


def seal_to(recipients: Sequence[str], data: bytes) -> bytes:
    """``data`` encrypted so that each of ``recipients`` can open it. Raises BadInput for none or a malformed one."""
    if not recipients:
        raise BadInput("keys.bad_recipient")
    known = [pyrage.x25519.Recipient.from_str(check_recipient(recipient)) for recipient in recipients]
    return bytes(pyrage.encrypt(data, known))


def open_with(secret: str, sealed: bytes) -> bytes:
    """The plaintext. Raises IntegrityBroken("keys.not_opened"): sealed to another key, or changed on the way; age does not say which."""
    identity = _identity(secret)
    try:
        return bytes(pyrage.decrypt(sealed, [identity]))
    except pyrage.DecryptError:
        raise IntegrityBroken("keys.not_opened") from None


def _identity(secret: str) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(secret)
    except pyrage.IdentityError:
        raise BadInput("keys.bad_identity") from None
