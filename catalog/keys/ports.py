"""What the platform asks of its keys, whoever holds them: key files, a key agent process, a KMS or an HSM.

No port ever hands out a private key. The one port that hands out key bytes, ``TokenKeys``, derives them per project.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

Suite = Literal["intl", "gm"]
INTERNATIONAL: Final = "intl"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed (``key_id``), with which algorithms (``suite``), and the signature's bytes."""

    suite: str
    key_id: str
    value: bytes

    def to_json(self) -> dict[str, str]:
        """``{suite, key_id, value}``, the value in base64."""
        return {"suite": self.suite, "key_id": self.key_id, "value": base64.b64encode(self.value).decode("ascii")}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Signature:
        """Read what ``to_json`` wrote. Raises ValueError for any other shape."""
        if set(document) != {"suite", "key_id", "value"} or not all(isinstance(text, str) for text in document.values()):
            raise ValueError("a signature has exactly suite, key_id and value, each a text")
        try:
            value = base64.b64decode(document["value"], validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("a signature's value is base64") from None
        signature = cls(document["suite"], document["key_id"], value)
        if signature.to_json() != dict(document):
            raise ValueError("a signature's value is canonical base64")
        return signature


class Signer(Protocol):
    """One signing key with one purpose. Keys of different purposes differ."""

    @property
    def key_id(self) -> str:
        """Names the key: the fingerprint of ``public_key``."""
        ...

    @property
    def suite(self) -> str: ...

    @property
    def public_key(self) -> bytes:
        """What others verify with; pinned in trust files."""
        ...

    @property
    def purpose(self) -> str:
        """``release``, ``ledger``, ``session``: bound into every signature, so that none can be passed off as another kind."""
        ...

    def sign(self, message: bytes) -> Signature:
        """Sign ``message`` under this signer's purpose; ``signatures.verify`` with the same purpose accepts it. Safe to repeat."""
        ...


class KeyAgent(Protocol):
    """Holds the province's pseudonym key. Lives on the intake side; nothing that serves a bank reaches it."""

    @property
    def key_id(self) -> str: ...

    def topic_ids(self, domain: str, identifiers: Sequence[str | None]) -> list[str | None]:
        """Pseudonyms of already normalised identifiers, in order: 32 hex characters each, None stays None.

        ``domain`` names the kind of identifier (a lower-case word); equal text in two domains gives unrelated pseudonyms.
        The same key, domain and identifier always give the same pseudonym. Raises ValueError for an empty identifier.
        """
        ...


class Envelope(Protocol):
    """Seals what lies at rest. Each scope (a tenant, a project) has its own key; what one scope sealed no other opens."""

    def seal(self, scope: str, plaintext: bytes) -> bytes:
        """Encrypted and authenticated bytes, different at every call."""
        ...

    def open(self, scope: str, sealed: bytes) -> bytes:
        """The plaintext. Raises IntegrityBroken for another scope, another key or a single changed byte."""
        ...

    def tag(self, scope: str, label: bytes) -> str:
        """A 64-hex name for ``label`` that is stable within the scope and means nothing to whoever lacks the key."""
        ...


class Reception(Protocol):
    """The key to which others seal what they send here."""

    @property
    def recipient(self) -> str:
        """The public half (an age recipient), safe to publish."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """The plaintext. Raises IntegrityBroken when it was sealed to another key or changed on the way."""
        ...


class TokenKeys(Protocol):
    """Derives, for each project, the key of its row-grouping tokens."""

    def project_token_key(self, project_id: str) -> bytes:
        """32 bytes, the same at every call for one project, unrelated for two. Never written down, never logged."""
        ...
