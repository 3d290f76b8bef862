"""Features as of an observation: slow, obvious, and the reference any faster way must agree with.

An event is visible to a cohort row when it is of the same subject, event_at ≤ observation and available_at ≤ observation. A plain
date means the midnight that begins it at +08:00, everywhere, so a date compares with a date as one expects.
``last``: the field of the visible event with the latest event_at, then the latest available_at, then the largest value; when that event
holds a null, the feature is missing. ``count``: visible events with event_at in (observation − window_days, observation], 0 when none.
``sum``: the field over those events, nulls adding nothing, 0 when none: absence is known to be nothing, so a sum is never missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from catalog.contracts import Scalar
from catalog.features import Feature

Floats = NDArray[np.float64]
Micros = NDArray[np.int64]

DAY = 86_400_000_000  # microseconds
MIDNIGHT = -8 * 3_600_000_000  # of a +08:00 day, in microseconds from the same day's midnight UTC


@dataclass(frozen=True, slots=True)
class Matrix:
    """``table``: row int32, then a float64 column per feature (NaN is missing), in the cohort's order.

    ``codes``: for each code feature its texts, ascending; the column holds positions in that list.
    """

    table: pa.Table
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Visible:
    """Visible events of one dataset, ordered by (cohort position, event_at, available_at)."""

    position: NDArray[np.int64]
    event_at: Micros
    available_at: Micros
    observed_at: Micros
    fields: pl.DataFrame

    def only(self, keep: NDArray[np.bool_]) -> _Visible:
        columns = (self.position[keep], self.event_at[keep], self.available_at[keep], self.observed_at[keep])
        # A frame without columns has no height to filter.
        return _Visible(*columns, self.fields.filter(pl.Series(keep)) if self.fields.width else self.fields)


def feature_matrix(
    cohort: pa.Table,
    features: Sequence[Feature],
    tables: Mapping[str, pa.Table],
    codes: Mapping[str, Sequence[str]] | None = None,
) -> Matrix:
    """The features of each cohort row as of its observation.

    ``cohort``: row int32, topic_id string, observed_at date or timestamp (no nulls). ``tables``: by dataset: topic_id, event_at,
    available_at and the fields the features read; an event without either instant is never visible. ``codes`` fixes the lists of code
    features (a model is scored with the lists it was trained on; a text outside them is missing); left out, they are those found.
    Raises KeyError for an absent dataset or column, ValueError for a null observation.
    """
    observed = instants(cohort["observed_at"])
    if cohort["observed_at"].null_count:
        raise ValueError("every cohort row needs its observation instant")
    visible = {name: _visible(cohort, observed, tables[name], _read(features, name)) for name in {f.dataset for f in features}}
    columns: dict[str, pa.Array] = {"row": cohort["row"].combine_chunks().cast(pa.int32())}
    lists: dict[str, tuple[str, ...]] = {}
    for feature in features:
        events = _chosen(visible[feature.dataset], feature)
        if feature.type == "code":
            texts = _last_texts(events, feature, cohort.num_rows)
            known = (codes or {}).get(feature.name)
            lists[feature.name] = tuple(known) if known is not None else tuple(sorted({t for t in texts if t is not None}))
            places = {text: float(place) for place, text in enumerate(lists[feature.name])}
            values = np.array([places.get(text, np.nan) if text is not None else np.nan for text in texts], np.float64)
        else:
            values = _numeric(events, feature, cohort.num_rows)
        columns[feature.name] = pa.array(values, pa.float64())
    return Matrix(pa.table(columns), lists)


def instants(column: pa.ChunkedArray) -> Micros:
    """Microseconds since 1970 UTC of a column of dates (their midnight at +08:00) or timestamps (naive ones are UTC); null gives the
    smallest int64."""
    if pa.types.is_date(column.type):
        days = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        micros = np.asarray(days.fill_null(0).to_numpy()) * DAY + MIDNIGHT
    else:
        zone = column.type.tz
        micros = np.asarray(column.cast(pa.timestamp("us", zone)).cast(pa.int64()).fill_null(0).to_numpy()).copy()
    micros[np.asarray(column.is_null().to_numpy(), np.bool_)] = np.iinfo(np.int64).min
    return np.asarray(micros, np.int64)


def _read(features: Sequence[Feature], dataset: str) -> list[str]:
    return sorted({name for feature in features if feature.dataset == dataset for name in feature.inputs})


def _visible(cohort: pa.Table, observed: Micros, events: pa.Table, columns: Sequence[str]) -> _Visible:
    never = np.iinfo(np.int64).min
    asked = pl.DataFrame({"subject": pl.Series(cohort["topic_id"].to_pylist(), dtype=pl.String), "observed": observed})
    asked = asked.with_row_index("position").with_columns(pl.col("position").cast(pl.Int64))
    known = pl.DataFrame(
        {
            "subject": pl.Series("subject", pl.from_arrow(events["topic_id"]), dtype=pl.String),
            "event": instants(events["event_at"]),
            "available": instants(events["available_at"]),
            **{f"field {name}": pl.from_arrow(events[name]) for name in columns},
        }
    ).filter((pl.col("event") > never) & (pl.col("available") > never))
    joined = asked.join(known, on="subject", how="inner")
    joined = joined.filter((pl.col("event") <= pl.col("observed")) & (pl.col("available") <= pl.col("observed")))
    joined = joined.sort("position", "event", "available")
    fields = joined.select(pl.col(f"field {name}").alias(name) for name in columns)
    position, event, available, seen = (joined[name].to_numpy() for name in ("position", "event", "available", "observed"))
    return _Visible(position, event, available, seen, fields)


def _chosen(events: _Visible, feature: Feature) -> _Visible:
    """Events inside the window and with one of the wanted values."""
    keep = np.ones(len(events.position), np.bool_)
    if feature.window_days is not None:
        keep &= events.event_at > events.observed_at - feature.window_days * DAY
    for name, values in feature.where.items():
        keep &= _is_one_of(events.fields[name], values)
    return events if keep.all() else events.only(keep)


def _is_one_of(column: pl.Series, values: Sequence[Scalar]) -> NDArray[np.bool_]:
    if column.dtype.is_numeric():
        return np.isin(_as_floats(column), np.array(values, np.float64))
    return np.asarray(column.is_in(list(values)).fill_null(False).to_numpy(), np.bool_)


def _as_floats(column: pl.Series) -> Floats:
    return np.asarray(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.float64)


def _numeric(events: _Visible, feature: Feature, rows: int) -> Floats:
    answer = np.full(rows, np.nan if feature.aggregate == "last" else 0.0)
    if len(events.position) == 0:
        return answer
    found, starts = np.unique(events.position, return_index=True)
    if feature.aggregate == "count":
        answer[found] = np.diff(np.append(starts, len(events.position)))
    elif feature.aggregate == "sum":
        values = np.nan_to_num(_as_floats(events.fields[str(feature.field)]))
        # Ordered by value within equal instants, so that the sum does not depend on how the file's rows stood.
        order = np.lexsort((values, events.available_at, events.event_at, events.position))
        answer[found] = np.add.reduceat(values[order], starts)
    else:
        answer[found] = _largest_of_latest(events, _as_floats(events.fields[str(feature.field)]), starts)
    return answer


def _last_texts(events: _Visible, feature: Feature, rows: int) -> list[str | None]:
    column = events.fields[str(feature.field)]
    texts = column.drop_nulls().unique().sort().to_list()
    ranks = column.replace_strict(texts, list(range(len(texts))), default=None, return_dtype=pl.Float64)
    latest = _numeric_ranks(events, _as_floats(ranks), rows)
    return [None if np.isnan(rank) else texts[int(rank)] for rank in latest]


def _numeric_ranks(events: _Visible, ranks: Floats, rows: int) -> Floats:
    answer = np.full(rows, np.nan)
    if len(events.position):
        found, starts = np.unique(events.position, return_index=True)
        answer[found] = _largest_of_latest(events, ranks, starts)
    return answer


def _largest_of_latest(events: _Visible, values: Floats, starts: NDArray[np.intp]) -> Floats:
    """Per cohort row the largest value among the events that share its latest (event_at, available_at); NaN when all are null."""
    sizes = np.diff(np.append(starts, len(values)))
    final = np.repeat(starts + sizes - 1, sizes)
    latest = (events.event_at == events.event_at[final]) & (events.available_at == events.available_at[final])
    return np.asarray(np.fmax.reduceat(np.where(latest, values, np.nan), starts))
