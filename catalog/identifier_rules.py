"""Identifiers of firms and people: one normal form per rule and its check, for one value and for whole columns.

A rule is a name (``uscc``) or ``pattern:<regular expression>``. Imports only stdlib, numpy and polars: intake runs this file
in a jail without keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import polars as pl

Bools = npt.NDArray[np.bool_]
Digits = npt.NDArray[np.int16]

PATTERN = "pattern:"
LATIN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)  # 3^(i-1) mod 31
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999: 2^(18-i) mod 11
RESIDENT_CHECKS = "10X98765432"
OLDEST_BIRTH_YEAR = 1800
SHORTEST_CARD, LONGEST_CARD = 13, 19  # digits, ISO/IEC 7812

_EDGES = " \t\r\n\v\f\u00a0\u3000\u200b\ufeff"
_HALF_WIDTH = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x2010: 0x2D, 0x2013: 0x2D, 0x2212: 0x2D}
_UPPER = {ord(c): ord(c) - 32 for c in "abcdefghijklmnopqrstuvwxyz"}
_COUNTRY = re.compile(r"(?:\+|00)?86(?=1[0-9]{10}\Z)")


# ---- check characters --------------------------------------------------------------------------------------------------------


def uscc_check(first_17: str) -> str:
    """Check character of a unified social credit code, GB 32100: (31 - sum of products mod 31) mod 31."""
    total = sum(USCC_SYMBOLS.index(c) * w for c, w in zip(first_17, USCC_WEIGHTS, strict=True))
    return USCC_SYMBOLS[-total % 31]


def org_code_check(first_8: str) -> str:
    """Check character of an organisation code, GB 11714: 11 - sum mod 11, 10 written X and 11 written 0."""
    total = sum(LATIN.index(c) * w for c, w in zip(first_8, ORG_WEIGHTS, strict=True))
    return "0X987654321"[total % 11]


def resident_id_check(first_17: str) -> str:
    """Check character of a resident identity number, GB 11643 (ISO 7064 MOD 11-2)."""
    return RESIDENT_CHECKS[sum(int(c) * w for c, w in zip(first_17, RESIDENT_WEIGHTS, strict=True)) % 11]


def registration_number_check(first_14: str) -> str:
    """Check digit of a business registration number, ISO 7064 MOD 11,10."""
    product = 10
    for character in first_14:
        product = 2 * ((product + int(character)) % 10 or 10) % 11
    return str((11 - product) % 10)


# ---- one value ---------------------------------------------------------------------------------------------------------------


def is_rule(rule: str) -> bool:
    """Whether ``rule`` names a check here, or is ``pattern:`` with an expression that compiles."""
    if not rule.startswith(PATTERN):
        return rule in RULES
    try:
        _matches(pl.Series([""], dtype=pl.String), rule)
    except pl.exceptions.PolarsError:
        return False
    return len(rule) > len(PATTERN)


def normalise(rule: str, text: str) -> str:
    """Half-width, upper-case, trimmed; for the numbered identifiers also without inner blanks and hyphens.

    ``mobile`` loses its country prefix; a 15-digit resident number becomes its 18-digit form, so that one person has one form.
    """
    plain = text.translate(_HALF_WIDTH).translate(_UPPER).strip(_EDGES)
    if rule.startswith(PATTERN):
        return plain
    plain = plain.replace(" ", "").replace("-", "")
    if rule == "mobile":
        return _COUNTRY.sub("", plain, count=1)
    if rule == "resident_id" and re.fullmatch(r"[0-9]{15}", plain):
        longer = plain[:6] + "19" + plain[6:]
        return longer + resident_id_check(longer)
    return plain


def is_valid(rule: str, normalised: str) -> bool:
    """Whether a value in normal form satisfies the rule. Raises KeyError for an unknown rule."""
    return bool(valid_column(rule, pl.Series([normalised], dtype=pl.String))[0])


# ---- whole columns -----------------------------------------------------------------------------------------------------------


def normalise_column(rule: str, values: pl.Series) -> pl.Series:
    """``normalise`` over a String column; null stays null. Plain ASCII goes the fast way, the rest value by value."""
    if rule.startswith(PATTERN):
        quick = values.str.strip_chars(_EDGES).str.to_uppercase()
    else:
        quick = values.str.strip_chars(_EDGES).str.replace_all("[ -]", "").str.to_uppercase()
    odd = values.str.contains(r"[^\x00-\x7F]").fill_null(False)
    if rule == "mobile":
        odd = odd | (values.str.len_chars() > 11).fill_null(False)
    if rule == "resident_id":
        odd = odd | (quick.str.len_bytes() == 15).fill_null(False)
    if not odd.any():
        return quick
    slow = pl.Series([normalise(rule, v) for v in values.filter(odd)], dtype=pl.String)
    return quick.scatter(odd.arg_true(), slow)


def valid_column(rule: str, normalised: pl.Series) -> Bools:
    """For each value in normal form: does it satisfy the rule? Null passes (only a not-null rule refuses null).

    Raises KeyError for an unknown rule.
    """
    if rule.startswith(PATTERN):
        return np.asarray(_matches(normalised, rule).fill_null(True).to_numpy())
    return np.asarray(RULES[rule](normalised) | normalised.is_null().to_numpy())


def _matches(values: pl.Series, rule: str) -> pl.Series:
    return values.str.contains(rf"\A(?:{rule.removeprefix(PATTERN)})\z", strict=True)


def _table(symbols: str) -> Digits:
    found = np.full(256, -1, np.int16)
    found[[ord(c) for c in symbols]] = np.arange(len(symbols))
    return found


_DECIMAL, _USCC, _LATIN, _RESIDENT = _table("0123456789"), _table(USCC_SYMBOLS), _table(LATIN), _table(RESIDENT_CHECKS)


def _of_width(values: pl.Series, width: int, check: Callable[[npt.NDArray[np.uint8]], Bools]) -> Bools:
    """Apply ``check`` to the (n, width) bytes of the values that are ``width`` bytes long; the others fail."""
    fits = (values.str.len_bytes() == width).fill_null(False).to_numpy()
    joined = values.filter(pl.Series(fits)).str.join("").item() or ""
    answer = np.zeros(len(values), np.bool_)
    answer[fits] = check(np.frombuffer(joined.encode(), np.uint8).reshape(-1, width))
    return answer


def _weighted(digits: Digits, weights: tuple[int, ...]) -> Digits:
    return digits[:, : len(weights)] @ np.array(weights, np.int16)


def _uscc(values: pl.Series) -> Bools:
    def check(raw: npt.NDArray[np.uint8]) -> Bools:
        code = _USCC[raw]
        shaped = (code >= 0).all(axis=1) & (_DECIMAL[raw[:, 2:8]] >= 0).all(axis=1)
        return np.asarray(shaped & (-_weighted(code, USCC_WEIGHTS) % 31 == code[:, 17]))

    return _of_width(values, 18, check)


def _org_code(values: pl.Series) -> Bools:
    def check(raw: npt.NDArray[np.uint8]) -> Bools:
        code = _LATIN[raw[:, :8]]
        expected = np.frombuffer(b"0X987654321", np.uint8)[_weighted(code, ORG_WEIGHTS) % 11]
        return np.asarray((code >= 0).all(axis=1) & (expected == raw[:, 8]))

    return _of_width(values, 9, check)


def _resident_id(values: pl.Series) -> Bools:
    def check(raw: npt.NDArray[np.uint8]) -> Bools:
        digit = _DECIMAL[raw[:, :17]]
        shaped = (digit >= 0).all(axis=1) & (digit[:, 0] > 0)
        return np.asarray(shaped & _is_birth_date(digit[:, 6:14]) & (_weighted(digit, RESIDENT_WEIGHTS) % 11 == _RESIDENT[raw[:, 17]]))

    return _of_width(values, 18, check)


def _is_birth_date(digits: Digits) -> Bools:
    """Whether the eight digits YYYYMMDD are a day of the calendar, from OLDEST_BIRTH_YEAR to today."""
    number = digits.astype(np.int64) @ np.array([10**p for p in range(7, -1, -1)])
    year, month, day = number // 10000, number // 100 % 100, number % 100
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    longest = lengths[np.where((month >= 1) & (month <= 12), month, 0)] + (leap & (month == 2))
    return np.asarray((year >= OLDEST_BIRTH_YEAR) & (day >= 1) & (day <= longest) & (number <= int(f"{date.today():%Y%m%d}")))


def _registration_number(values: pl.Series) -> Bools:
    def check(raw: npt.NDArray[np.uint8]) -> Bools:
        digit = _DECIMAL[raw]
        product = np.full(len(digit), 10)
        for place in range(14):
            rest = (product + digit[:, place]) % 10
            product = 2 * np.where(rest == 0, 10, rest) % 11
        return np.asarray((digit >= 0).all(axis=1) & ((11 - product) % 10 == digit[:, 14]))

    return _of_width(values, 15, check)


def _luhn(values: pl.Series) -> Bools:
    def check(raw: npt.NDArray[np.uint8]) -> Bools:
        digit = _DECIMAL[raw]
        doubled = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])[digit]
        odd_from_right = np.arange(raw.shape[1] - 1, -1, -1) % 2 == 1
        return np.asarray((digit >= 0).all(axis=1) & (np.where(odd_from_right, doubled, digit).sum(axis=1) % 10 == 0))

    widths = range(SHORTEST_CARD, LONGEST_CARD + 1)
    return np.asarray(np.logical_or.reduce([_of_width(values, width, check) for width in widths]))


def _mobile(values: pl.Series) -> Bools:
    return np.asarray(_matches(values, PATTERN + "1[3-9][0-9]{9}").fill_null(False).to_numpy())


RULES: Mapping[str, Callable[[pl.Series], Bools]] = MappingProxyType(
    {
        "uscc": _uscc,
        "org_code": _org_code,
        "resident_id": _resident_id,
        "registration_number": _registration_number,
        "luhn": _luhn,
        "mobile": _mobile,
    }
)
