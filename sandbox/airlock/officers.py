"""The officers whose votes count: a list that the signer and each bank's trust file hold for themselves."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import BadInput
from catalog.keys.ports import INTERNATIONAL
from catalog.keys.public import read_public_key
from catalog.keys.signatures import fingerprint

_FIELDS = {"suite", "officer", "organisation", "key_id", "public_key"}


@dataclass(frozen=True, slots=True)
class OfficerKey:
    """One officer's public key. ``officer`` is the user's id, ``organisation`` the one organisation they belong to."""

    officer: str
    organisation: str
    public_key: bytes
    suite: str = INTERNATIONAL

    @property
    def key_id(self) -> str:
        """The fingerprint of the public key."""
        return fingerprint(self.public_key)

    def to_json(self) -> dict[str, str]:
        return {
            "suite": self.suite,
            "officer": self.officer,
            "organisation": self.organisation,
            "key_id": self.key_id,
            "public_key": base64.b64encode(self.public_key).decode("ascii"),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> OfficerKey:
        """Read what ``to_json`` wrote. Raises BadInput("officer.malformed")."""
        if not isinstance(document, Mapping) or set(document) != _FIELDS or not all(isinstance(value, str) for value in document.values()):
            raise BadInput("officer.malformed")
        officer = cls(document["officer"], document["organisation"], read_public_key(document["public_key"]), document["suite"])
        if officer.to_json() != dict(document) or officer.suite != INTERNATIONAL:
            raise BadInput("officer.malformed")
        return officer
