"""The public half of a person's or a bank's key, as it is sent to the platform and pinned there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from catalog.errors import BadInput, GloveboxError
from catalog.keys.ports import INTERNATIONAL
from catalog.keys.sealing import check_recipient, recipient_fingerprint
from catalog.keys.signatures import fingerprint

Kind = Literal["officer", "bank"]
VERSION = 1
PUBLIC_KEY_BYTES = 32
_FIELDS = {"v", "suite", "kind", "holder", "key_id", "signing_key", "recipient", "fingerprint"}


@dataclass(frozen=True, slots=True)
class PublicKeyDocument:
    """``signing_key``: 32 bytes, Ed25519. ``recipient``: the bank's age recipient, None for an officer.

    ``key_id`` names the signing key; ``fingerprint`` is what people compare aloud: of the recipient for a bank, whose packages
    are sealed to it, and of the signing key for an officer.
    """

    kind: Kind
    holder: str
    signing_key: bytes
    recipient: str | None
    suite: str = INTERNATIONAL

    @property
    def key_id(self) -> str:
        return fingerprint(self.signing_key)

    @property
    def fingerprint(self) -> str:
        return recipient_fingerprint(self.recipient) if self.recipient is not None else self.key_id

    def to_json(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "suite": self.suite,
            "kind": self.kind,
            "holder": self.holder,
            "key_id": self.key_id,
            "signing_key": base64.b64encode(self.signing_key).decode("ascii"),
            "recipient": self.recipient,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PublicKeyDocument:
        """Check and read a document; its key id and fingerprint are recomputed. Raises BadInput("keys.bad_public_document")."""
        if not isinstance(document, Mapping) or set(document) != _FIELDS:
            raise BadInput("keys.bad_public_document", reason="fields")
        if type(document["v"]) is not int or document["v"] != VERSION or document["suite"] != INTERNATIONAL:
            raise BadInput("keys.bad_public_document", reason="v, suite")
        if document["kind"] not in ("officer", "bank") or not isinstance(document["holder"], str):
            raise BadInput("keys.bad_public_document", reason="kind, holder")
        read = cls(document["kind"], document["holder"], read_public_key(document["signing_key"]), _recipient(document))
        if read.to_json() != dict(document):
            raise BadInput("keys.bad_public_document", reason="key_id, fingerprint")
        return read


def read_public_key(text: Any) -> bytes:
    """32 bytes from base64. Raises BadInput("keys.bad_public_document")."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        raise BadInput("keys.bad_public_document", reason="signing_key")
    return key


def _recipient(document: Mapping[str, Any]) -> str | None:
    recipient = document["recipient"]
    if (recipient is None) != (document["kind"] == "officer"):
        raise BadInput("keys.bad_public_document", reason="recipient")
    try:
        return None if recipient is None else check_recipient(recipient)
    except (GloveboxError, TypeError):
        raise BadInput("keys.bad_public_document", reason="recipient") from None
