"""A typed table to what the topic database may hold: no direct identifier, every field by its recipe, exact times for joins."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from catalog import identifier_rules
from catalog.contracts import DatasetContract, FieldContract
from catalog.errors import IntegrityBroken
from engines.intake.desensitise.recipes import LOCAL_ZONE, Pseudonymise, apply_plain, pseudonym

TIMES = ("event_at", "available_at")
INSTANT = pl.Datetime("us", "UTC")
SHORTEST_TELLING = 8  # characters; a shorter text may be equal to an identifier by chance
_PSEUDONYM = r"\A[0-9a-f]{32}\z"
_ANY_TEXT = "pattern:.*"


def desensitise(rows: pl.DataFrame, contract: DatasetContract, pseudonymise: Pseudonymise, received_at: datetime) -> pl.DataFrame:
    """``rows`` (the contract's fields, typed and checked) as published: topic_id, event_at, available_at, then the contract's
    ``published`` fields, ordered by subject and time so that a row's place says nothing of its place in the file.

    Raises IntegrityBroken when something raw survived its recipe.
    """
    event_at = _instant(rows[contract.event_at])
    columns = [
        _subject_ids(rows, contract, pseudonymise).alias("topic_id"),
        event_at.alias("event_at"),
        _available_at(rows, contract, event_at, received_at).alias("available_at"),
        *(_published(rows[field.name], field, pseudonymise).alias(field.name) for field in contract.published),
    ]
    published = pl.DataFrame(columns)
    refuse_raw_values(published, rows, contract)
    return published.sort(["topic_id", *TIMES, *(field.name for field in contract.published)])


def refuse_raw_values(published: pl.DataFrame, rows: pl.DataFrame, contract: DatasetContract) -> None:
    """The guard behind the recipes: the declared columns and no other, well-formed pseudonyms, no direct identifier as it came.

    Raises IntegrityBroken naming the column.
    """
    expected = ["topic_id", *TIMES, *(field.name for field in contract.published)]
    for name in published.columns:
        if name not in expected:
            raise IntegrityBroken("intake.raw_column_survives", dataset=contract.name, column=name)
    made = ["topic_id", *(field.name for field in contract.published if field.recipe.method == "pseudonym")]
    for name in made:
        if not published[name].drop_nulls().str.contains(_PSEUDONYM).all():
            raise IntegrityBroken("intake.pseudonym_malformed", dataset=contract.name, column=name)
    raw = _direct_values(rows, contract)
    for name in published.columns:
        if published[name].dtype == pl.String and published[name].drop_nulls().unique().is_in(raw.implode()).any():
            raise IntegrityBroken("intake.raw_value_survives", dataset=contract.name, column=name)


def _direct_values(rows: pl.DataFrame, contract: DatasetContract) -> pl.Series:
    names = [f.name for f in contract.fields if f.identifier == "direct" or f.name == contract.subject.field]
    texts = [rows[name].cast(pl.String).drop_nulls().unique().alias("raw") for name in names]
    whole = pl.concat(texts)
    return whole.filter(whole.str.len_chars() >= SHORTEST_TELLING)


def _subject_ids(rows: pl.DataFrame, contract: DatasetContract, pseudonymise: Pseudonymise) -> pl.Series:
    subject = contract.subject
    normal = identifier_rules.normalise_column(subject.rule, rows[subject.field].cast(pl.String))
    return pseudonym(normal, subject.domain, pseudonymise)


def _published(values: pl.Series, field: FieldContract, pseudonymise: Pseudonymise) -> pl.Series:
    recipe = field.recipe
    if recipe.method != "pseudonym":
        return apply_plain(recipe.method, values, dict(recipe.params))
    rule = field.identifier_kind if identifier_rules.is_rule(field.identifier_kind) else _ANY_TEXT
    normal = identifier_rules.normalise_column(rule, values.cast(pl.String))
    return pseudonym(normal, str(recipe.params.get("domain") or field.identifier_kind), pseudonymise)


def _available_at(rows: pl.DataFrame, contract: DatasetContract, event_at: pl.Series, received_at: datetime) -> pl.Series:
    availability = contract.availability
    if availability.kind == "field" and availability.field is not None:
        return _instant(rows[availability.field])
    if availability.kind == "lag":
        return event_at.dt.offset_by(f"{availability.lag_days or 0}d")
    return pl.Series([received_at], dtype=INSTANT).new_from_index(0, rows.height)


def _instant(values: pl.Series) -> pl.Series:
    """A date is the start of that day in Asia/Shanghai; a timestamp is itself. UTC."""
    if values.dtype == pl.Date:
        return (
            values.cast(pl.Datetime("us"))
            .dt.replace_time_zone(LOCAL_ZONE, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
        )
    return values.cast(INSTANT)
