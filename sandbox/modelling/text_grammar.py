"""Tokens of the artefact grammars: names, whole numbers and finite decimals, each with a cap on its length.

Runs inside the jails on hostile text: a refusal carries a code and the class of the place, never a byte of what was read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import NoReturn

#: Longest decimal LightGBM or ``repr(float)`` writes is 25 characters.
LONGEST_NUMBER = 32
#: Features of one model. Units: columns. The registered feature list of a project is far shorter.
MOST_FEATURES = 1_000

_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,25})?(?:[eE][+-]?[0-9]{1,3})?")


class GrammarError(ValueError):
    """The artefact is not in its grammar. ``code`` says which rule, ``where`` the class of the place (``header``, ``tree``, …)."""

    def __init__(self, code: str, where: str) -> None:
        self.code = code
        self.where = where
        super().__init__(f"{code} in {where}")

    def __reduce__(self) -> tuple[type[GrammarError], tuple[str, str]]:
        return (GrammarError, (self.code, self.where))


def decode(data: bytes, largest: int) -> str:
    """ASCII text of at most ``largest`` bytes with newlines as its only control character. Raises GrammarError."""
    if len(data) > largest:
        raise GrammarError("too_large", "file")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise GrammarError("not_ascii", "file") from None
    if not text.replace("\n", "").isprintable() and text != "":
        raise GrammarError("control_character", "file")
    return text


def whole(word: str, where: str, low: int, high: int) -> int:
    """An integer in ``low``…``high`` (both included). Raises GrammarError."""
    if not _WHOLE.fullmatch(word):
        raise GrammarError("not_a_whole_number", where)
    value = int(word)
    if not low <= value <= high:
        raise GrammarError("index_out_of_range", where)
    return value


def decimal(word: str, where: str) -> float:
    """A finite number in plain or exponent form; ``-0`` becomes ``0.0``. Raises GrammarError."""
    if len(word) > LONGEST_NUMBER or not _DECIMAL.fullmatch(word):
        raise GrammarError("not_a_finite_number", where)
    return finite(float(word), where)


def finite(value: float, where: str) -> float:
    """``value`` itself when finite, with one form of zero. Raises GrammarError."""
    if not math.isfinite(value):
        raise GrammarError("not_a_finite_number", where)
    return value + 0.0


def words(value: str, where: str, count: int) -> list[str]:
    """Exactly ``count`` words separated by single spaces. Raises GrammarError."""
    found = value.split(" ") if value else []
    if len(found) != count:
        raise GrammarError("wrong_length", where)
    return found


def feature_names(names: Sequence[str], registered: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """Unique lower-case names; equal to ``registered``, in order, when that is given. Raises GrammarError."""
    if not 1 <= len(names) <= MOST_FEATURES or len(set(names)) != len(names):
        raise GrammarError("bad_feature_list", where)
    if not all(_NAME.fullmatch(name) for name in names):
        raise GrammarError("bad_feature_name", where)
    if registered is not None and tuple(names) != tuple(registered):
        raise GrammarError("unregistered_feature", where)
    return tuple(names)


def key_values(lines: Sequence[str], where: str, allowed: frozenset[str], required: frozenset[str]) -> dict[str, str]:
    """``key=value`` lines as a dict. Raises GrammarError for an unknown, repeated or missing key."""
    found: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if key not in allowed or not equals:
            raise GrammarError("unknown_key", where)
        if key in found:
            raise GrammarError("repeated_key", where)
        found[key] = value
    if not required <= found.keys():
        raise GrammarError("missing_key", where)
    return found


def load_json(text: str, where: str) -> object:
    """JSON without repeated keys, NaN or infinities. Raises GrammarError."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise GrammarError("repeated_key", where)
        return found

    def no_constant(_: str) -> NoReturn:
        raise GrammarError("not_a_finite_number", where)

    try:
        loaded: object = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except GrammarError:
        raise
    except (ValueError, RecursionError):
        raise GrammarError("not_json", where) from None
    return loaded
