"""A value that refuses to be printed, logged, compared in the open, copied or pickled."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Key bytes in a box. ``reveal`` is the only way in: search for its callers to know who sees keys."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves, for the call that uses them; do not keep them in a variable that outlives it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash in a log is a guess confirmed

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret does not leave its process")
