"""Checking a signature, and the framing both sides agree on. Public keys only: a bank's machine imports this."""

from __future__ import annotations

import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from catalog.keys.ports import INTERNATIONAL, Signature

FINGERPRINT_CHARACTERS = 40  # 160 bits of SHA-256: short enough to read out over the telephone
_PURPOSE = re.compile(r"[a-z][a-z-]{1,30}")


def framed(purpose: str, message: bytes) -> bytes:
    """What is really signed: the purpose first, so that a vote can never be shown as a release. Raises ValueError for a bad purpose."""
    if _PURPOSE.fullmatch(purpose) is None:
        raise ValueError("a purpose is a lower-case word")
    return b"glovebox/" + purpose.encode("ascii") + b"\n" + message


def verify(public_key: bytes, purpose: str, message: bytes, signature: Signature) -> bool:
    """True when the owner of ``public_key`` (32 bytes, Ed25519, RFC 8032) signed ``message`` for ``purpose``; never raises on bad bytes."""
    if signature.suite != INTERNATIONAL or signature.key_id != fingerprint(public_key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature.value, framed(purpose, message))
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public_key: bytes) -> str:
    """The first 40 hex characters of SHA-256 over a public key (or over an age recipient's ASCII text)."""
    return hashlib.sha256(public_key).hexdigest()[:FINGERPRINT_CHARACTERS]
