"""Match a cohort's identifiers against the public firm register. Pure: no store, no record.

Membership must not show: only the register counts, rates are rounded, small cohorts are refused.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from catalog import identifier_rules
from catalog.contracts import DatasetContract, SubjectRule
from catalog.errors import PolicyRefusal
from catalog.keys.ports import KeyAgent

RATE_STEP = Decimal("0.01")  # match rates are told to 1 %, so that one firm more or less does not show


@dataclass(frozen=True, slots=True)
class Matched:
    """Per cohort row, in the cohort's order: ``topic_ids`` (None where the identifier is no identifier) and ``flags``.

    ``rate`` is rounded to ``RATE_STEP``: it is the only figure that may be shown. Nothing here is for a bank's eyes.
    """

    topic_ids: tuple[str | None, ...] = field(repr=False)
    flags: tuple[bool, ...] = field(repr=False)
    rate: Decimal


def match_cohort(identifiers: Sequence[str | None], subject: SubjectRule, key_agent: KeyAgent, register: Set[str]) -> Matched:
    """Normalise, check, pseudonymise and look up. ``register`` holds the topic ids of the public firm register.

    An identifier that fails its check is unmatched like any other: it gets no topic id.
    """
    normal = identifier_rules.normalise_column(subject.rule, pl.Series("identifier", list(identifiers), dtype=pl.String))
    fit = np.asarray(identifier_rules.valid_column(subject.rule, normal)) & (normal.str.len_chars() > 0).fill_null(False).to_numpy()
    asked = [text if good else None for text, good in zip(normal.to_list(), fit.tolist(), strict=True)]
    topic_ids = tuple(key_agent.topic_ids(subject.domain, asked))
    flags = tuple(name is not None and name in register for name in topic_ids)
    return Matched(topic_ids, flags, match_rate(sum(flags), len(flags)))


def match_rate(matched: int, total: int) -> Decimal:
    """Share matched, rounded half up to 1 %. Zero rows give zero.

    >>> match_rate(995, 1000)
    Decimal('1.00')
    """
    if total == 0:
        return Decimal(0).quantize(RATE_STEP)
    return (Decimal(matched) / Decimal(total)).quantize(RATE_STEP, ROUND_HALF_UP)


def check_is_register(contract: DatasetContract) -> None:
    """Raises PolicyRefusal for any other dataset: a rate against a list of defaulters would tell who is on it."""
    if not contract.register:
        raise PolicyRefusal("cohort.not_a_register", dataset=contract.name)


def check_cohort_floor(rows: int, floor: int) -> None:
    """Raises PolicyRefusal for a cohort of fewer than ``floor`` rows. It counts what was uploaded, not what matched."""
    if rows < floor:
        raise PolicyRefusal("intake.cohort_too_small", rows=rows, floor=floor)
