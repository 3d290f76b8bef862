"""Identifiers that are right in form and belong to nobody: the division 339900 is not assigned, check digits are valid.

Codes are built as matrices of symbol values (one row per code), so that a province of any size takes milliseconds.
Sources: GB 32100-2015 (credit code), GB 11714-1997 (organisation code), GB 11643-1999 (resident number), ISO 7064 MOD 11,10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNASSIGNED_DIVISION = "339900"
SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"

_CREDIT_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)])
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_RESIDENT_WEIGHTS = np.array([pow(2, 17 - i, 11) for i in range(17)])
_LETTERS = np.frombuffer(SYMBOLS.encode(), np.uint8)
# GB 11714 counts A=10 … Z=35 without gaps, so the same letter has another value than in GB 32100.
_ORGANISATION_VALUES = np.array([int(s) if s.isdigit() else ord(s) - ord("A") + 10 for s in SYMBOLS])

Codes = NDArray[np.str_]


def credit_codes(count: int, rng: np.random.Generator) -> Codes:
    """``count`` distinct unified social credit codes of enterprises (``91`` + unassigned division), both check characters valid."""
    bodies = _distinct_bodies(count, rng)
    head = _values("91" + UNASSIGNED_DIVISION)
    without_check = np.hstack([np.tile(head, (count, 1)), bodies, _organisation_check(bodies)[:, None]])
    check = (31 - without_check @ _CREDIT_WEIGHTS % 31) % 31
    return _as_text(_LETTERS[np.hstack([without_check, check[:, None]])])


def is_credit_code(code: str) -> bool:
    """Form, division digits and check character of GB 32100; plain and slow, for tests."""
    if len(code) != 18 or any(c not in SYMBOLS for c in code) or not code[2:8].isdigit():
        return False
    total = sum(SYMBOLS.index(c) * int(w) for c, w in zip(code, _CREDIT_WEIGHTS, strict=False))
    return SYMBOLS[(31 - total % 31) % 31] == code[17]


def registration_numbers(count: int, rng: np.random.Generator) -> Codes:
    """15-digit registration numbers, ISO 7064 MOD 11,10 check digit."""
    digits = np.hstack([np.tile(_values(UNASSIGNED_DIVISION), (count, 1)), rng.integers(0, 10, (count, 8))])
    product = np.full(count, 10)
    for column in range(14):
        step = (product + digits[:, column]) % 10
        product = 2 * np.where(step == 0, 10, step) % 11
    return _as_text(_LETTERS[np.hstack([digits, ((11 - product) % 10)[:, None]])])


def resident_numbers(count: int, rng: np.random.Generator) -> Codes:
    """18-character resident numbers of people born 1955–2000, days 1–28."""
    births = rng.integers(1955, 2001, count) * 10_000 + rng.integers(1, 13, count) * 100 + rng.integers(1, 29, count)
    places = 10 ** np.arange(7, -1, -1)
    digits = np.hstack([np.tile(_values(UNASSIGNED_DIVISION), (count, 1)), births[:, None] // places % 10, rng.integers(0, 10, (count, 3))])
    check = np.frombuffer(b"10X98765432", np.uint8)[digits @ _RESIDENT_WEIGHTS % 11]
    return _as_text(np.hstack([_LETTERS[digits], check[:, None]]))


def with_wrong_check(codes: Codes) -> Codes:
    """The same credit codes with another last character: each fails its check."""
    wrong = [code[:17] + SYMBOLS[(SYMBOLS.index(code[17]) + 1) % 31] for code in codes]
    return np.array(wrong, dtype="U18")


def _distinct_bodies(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``MA`` + six symbols; numbers drawn without repetition, so that codes are distinct."""
    numbers = rng.choice(31**6, size=count, replace=False, shuffle=True)
    tail = numbers[:, None] // 31 ** np.arange(5, -1, -1) % 31
    return np.hstack([np.tile(_values("MA"), (count, 1)), tail])


def _organisation_check(bodies: NDArray[np.int64]) -> NDArray[np.int64]:
    """Symbol values of the GB 11714 check character; 10 is written X, 11 is written 0."""
    rest = 11 - _ORGANISATION_VALUES[bodies] @ _ORGANISATION_WEIGHTS % 11
    return np.where(rest == 10, SYMBOLS.index("X"), np.where(rest == 11, 0, rest))


def _values(text: str) -> NDArray[np.int64]:
    return np.array([SYMBOLS.index(c) for c in text])


def _as_text(symbols: NDArray[np.uint8]) -> Codes:
    width = symbols.shape[1]
    return np.ascontiguousarray(symbols).view(f"S{width}").ravel().astype(f"U{width}")
