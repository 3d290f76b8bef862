"""Match a cohort's identifiers against the public firm register. Pure: no store, no record.

Membership must not show: only the register counts, each subject counts once, rates are rounded at random, small cohorts are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import polars as pl

from catalog import identifier_rules
from catalog.contracts import DatasetContract, SubjectRule
from catalog.errors import PolicyRefusal
from catalog.keys.ports import KeyAgent

RATE_STEP = Decimal("0.01")  # match rates are told to 1 %, so that one firm more or less does not show
STEPS = 100  # of ``RATE_STEP`` in a whole
DRAW_RANGE = 1 << 64  # a draw is a whole number below it, as ``rounding_draw`` makes it
HALF_UP = DRAW_RANGE // 2  # the draw that rounds half up


@dataclass(frozen=True, slots=True)
class Matched:
    """Per cohort row, in the cohort's order: ``topic_ids`` (None where the identifier is no identifier) and ``flags``.

    ``rate`` is the share of distinct subjects, rounded to ``RATE_STEP``: the only figure that may be shown. The rest is
    not for a bank's eyes.
    """

    topic_ids: tuple[str | None, ...] = field(repr=False)
    flags: tuple[bool, ...] = field(repr=False)
    rate: Decimal


def match_cohort(
    identifiers: Sequence[str | None],
    subject: SubjectRule,
    key_agent: KeyAgent,
    register: Set[str],
    rounding_key: bytes | None = None,
) -> Matched:
    """Normalise, check, pseudonymise and look up. ``register`` holds the topic ids of the public firm register.

    An identifier that fails its check is unmatched like any other: it gets no topic id. Whatever is told to a bank needs a
    ``rounding_key``, secret and of its project; without one the rate is rounded half up.
    """
    normal = identifier_rules.normalise_column(subject.rule, pl.Series("identifier", list(identifiers), dtype=pl.String))
    fit = np.asarray(identifier_rules.valid_column(subject.rule, normal)) & (normal.str.len_chars() > 0).fill_null(False).to_numpy()
    asked = [text if good else None for text, good in zip(normal.to_list(), fit.tolist(), strict=True)]
    topic_ids = tuple(key_agent.topic_ids(subject.domain, asked))
    flags = tuple(name is not None and name in register for name in topic_ids)
    found = dict(zip(normal.to_list(), flags, strict=True))  # once per subject, however many rows it has
    draw = HALF_UP if rounding_key is None else rounding_draw(rounding_key, found)
    return Matched(topic_ids, flags, match_rate(sum(found.values()), len(found), draw))


def match_rate(matched: int, total: int, draw: int = HALF_UP) -> Decimal:
    """Share matched as ``floor(100 · share + u) / 100`` with ``u = draw / DRAW_RANGE`` in [0, 1). Nobody at all gives zero.

    Exact in whole numbers: less than 1 % from the share, never above 1. Over uniform draws its mean is the share.

    >>> match_rate(995, 1000)
    Decimal('1.00')
    """
    if total == 0:
        return Decimal(0).quantize(RATE_STEP)
    return RATE_STEP * ((STEPS * matched * DRAW_RANGE + total * draw) // (total * DRAW_RANGE))


def rounding_draw(key: bytes, subjects: Iterable[str | None]) -> int:
    """A draw below ``DRAW_RANGE`` for this set of subjects, in any order: the first 8 bytes of HMAC-SHA256.

    Rounding at a fixed place would tell of one firm, by a cohort built to lie just below it. Here the place is secret, stays for
    the same cohort, so that asking again teaches nothing, and is drawn afresh with one subject more or less.
    """
    names = sorted(name or "" for name in set(subjects))
    return int.from_bytes(hmac.digest(key, "\n".join(["match rate", *names]).encode("utf-8"), "sha256")[:8], "big")


def distinct_subjects(identifiers: Iterable[str | None]) -> int:
    """How many there are. ``identifiers`` in normal form, as ``parse_cohort`` gives them."""
    return len(set(identifiers))


def check_is_register(contract: DatasetContract) -> None:
    """Raises PolicyRefusal for any other dataset: a rate against a list of defaulters would tell who is on it."""
    if not contract.register:
        raise PolicyRefusal("cohort.not_a_register", dataset=contract.name)


def check_cohort_floor(subjects: int, floor: int) -> None:
    """Raises PolicyRefusal for fewer than ``floor`` distinct subjects: one firm under many row ids is one. Uploaded, not matched."""
    if subjects < floor:
        raise PolicyRefusal("intake.cohort_too_small", subjects=subjects, floor=floor)
