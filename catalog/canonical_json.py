"""RFC 8785 canonical JSON: the one form in which anything is hashed or signed."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import rfc8785

LARGEST_WHOLE = 2**53 - 1


def dumps(value: Any) -> bytes:
    """Canonical UTF-8 bytes of ``value`` (str, int, float, bool, None, list, dict with str keys)."""
    return rfc8785.dumps(value)


def loads(data: bytes | str) -> Any:
    """Parse JSON, refusing duplicate keys, NaN and infinities. Raises ValueError.

    A whole number beyond ±(2^53 - 1) is read as a float, as RFC 8785 reads it: so what ``dumps`` wrote is what ``loads`` reads.
    """

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"duplicate key {key!r}")
            found[key] = value
        return found

    def no_constants(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(data, object_pairs_hook=no_duplicates, parse_constant=no_constants, parse_int=_whole, parse_float=_finite)


def _whole(digits: str) -> int | float:
    value = int(digits)
    return value if abs(value) <= LARGEST_WHOLE else _finite(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def sha256_hex(value: Any) -> str:
    """SHA-256 of the canonical bytes, lower-case hex."""
    return hashlib.sha256(dumps(value)).hexdigest()
