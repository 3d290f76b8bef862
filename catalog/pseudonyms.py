"""Pseudonyms: keyed one-way names for subjects. The identifier space is small enough to enumerate, so the key is everything.

``topic_id`` names a subject in the topic database and never leaves it; ``project_token`` groups rows inside one project's job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from catalog.identifiers import is_name

PSEUDONYM_BYTES: Final = 16  # 128 of SM3's 256 bits: among 10^9 subjects two collide with probability below 10^-20


def topic_ids(key: bytes, domain: str, identifiers: Sequence[str | None]) -> list[str | None]:
    """HMAC-SM3(key, domain ‖ 0x00 ‖ identifier), first 16 bytes as 32 hex characters, in order; None stays None.

    ``identifiers`` are normalised already. SM3 is GB/T 32905-2016, HMAC is RFC 2104.
    Raises ValueError for a domain that is no lower-case word, or an empty identifier (it would make one subject of many).
    """
    if not is_name(domain):
        raise ValueError("a domain is a lower-case word")
    return _keyed(key, domain.encode("ascii") + b"\x00", identifiers)


def project_tokens(key: bytes, topic_ids: Sequence[str | None]) -> list[str | None]:
    """HMAC-SM3(project key, topic_id), first 16 bytes as 32 hex characters, in order; None stays None."""
    return _keyed(key, b"", topic_ids)


def _keyed(key: bytes, prefix: bytes, values: Sequence[str | None]) -> list[str | None]:
    # Copying one keyed object is twice as fast as making one per value.
    keyed = HMAC(key, hashes.SM3())
    keyed.update(prefix)
    return [None if value is None else _name(keyed.copy(), value) for value in values]


def _name(mac: HMAC, value: str) -> str:
    if not value:
        raise ValueError("an empty identifier names nobody")
    mac.update(value.encode("utf-8"))
    return mac.finalize()[:PSEUDONYM_BYTES].hex()
