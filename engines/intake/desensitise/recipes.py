"""What may become of a field, one pure function per method. Null stays null in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from catalog.contracts import Method

LOCAL_ZONE = "Asia/Shanghai"
Pseudonymise = Callable[[str, Sequence[str | None]], list[str | None]]
"""(domain, normalised identifiers) -> pseudonyms in the same order; the key stays with whoever does it."""


def keep(values: pl.Series) -> pl.Series:
    return values


def truncate_date(values: pl.Series, unit: str) -> pl.Series:
    """First day of the month or year, in Asia/Shanghai, as a date."""
    local = values.dt.convert_time_zone(LOCAL_ZONE).dt.date() if isinstance(values.dtype, pl.Datetime) else values
    return local.dt.truncate({"month": "1mo", "year": "1y"}[unit])


def band(values: pl.Series, edges: Sequence[float]) -> pl.Series:
    """Number of the band: how many ``edges`` (ascending) lie strictly below the value. 0 … len(edges)."""
    found = pl.Series(edges, dtype=pl.Float64).search_sorted(values.cast(pl.Float64), side="left").cast(pl.Int64)
    return found.set(values.is_null(), None).alias(values.name)


def round_significant(values: pl.Series, digits: int) -> pl.Series:
    """The value to ``digits`` significant figures, as a float."""
    return values.cast(pl.Float64).to_frame().select(pl.all().round_sig_figs(digits)).to_series()


def top_code(values: pl.Series, value: float) -> pl.Series:
    """Everything above ``value`` becomes ``value``, as a float."""
    return values.cast(pl.Float64).clip(upper_bound=value)


def generalise(values: pl.Series, digits: int) -> pl.Series:
    """The first ``digits`` characters of a hierarchical code."""
    return values.cast(pl.String).str.head(digits)


def pseudonym(normalised: pl.Series, domain: str, pseudonymise: Pseudonymise) -> pl.Series:
    """The keyed pseudonym of each identifier (String, in normal form; empty counts as null). Distinct values are asked for once."""
    values = normalised.set((normalised == "").fill_null(False), None)
    distinct = values.drop_nulls().unique(maintain_order=True)
    names = pl.Series(pseudonymise(domain, distinct.to_list()), dtype=pl.String)
    return values.replace_strict(distinct, names, default=None, return_dtype=pl.String)


PLAIN: dict[Method, Callable[..., pl.Series]] = {
    "keep": keep,
    "truncate_date": truncate_date,
    "band": band,
    "round_significant": round_significant,
    "top_code": top_code,
    "generalise": generalise,
}


def apply_plain(method: Method, values: pl.Series, params: dict[str, Any]) -> pl.Series:
    """A method that needs no key. Raises KeyError for ``drop`` and ``pseudonym``, which are not made here."""
    return PLAIN[method](values, **params)
