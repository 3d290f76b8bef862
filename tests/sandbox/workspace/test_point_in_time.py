"""What was known about a firm on the day the bank looked: the specification of features, drawn as small tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.features import Feature
from sandbox.workspace.point_in_time import Matrix, feature_matrix

VAT = """
firm  event_at    available_at  sales  kind
a     2024-01-31  2024-02-20    10     late
a     2024-02-29  2024-03-20    20     -
a     2024-03-31  2024-04-20    30     on_time
b     2024-03-31  2024-04-01    -      late
"""


def events(text: str) -> pa.Table:
    _, *lines = (line.split() for line in text.strip().splitlines())
    firm, event, known, sales, kind = zip(*lines, strict=True)
    return pa.table(
        {
            "topic_id": list(firm),
            "event_at": pa.array([date.fromisoformat(d) for d in event]),
            "available_at": pa.array([date.fromisoformat(d) for d in known]),
            "sales": pa.array([None if s == "-" else float(s) for s in sales], pa.float64()),
            "kind": pa.array([None if k == "-" else k for k in kind], pa.string()),
        }
    )


def cohort(*asked: tuple[str, str]) -> pa.Table:
    firms, days = zip(*asked, strict=True)
    rows = pa.array(range(len(asked)), pa.int32())
    return pa.table({"row": rows, "topic_id": list(firms), "observed_at": pa.array([date.fromisoformat(d) for d in days])})


def ask(feature: Feature, *asked: tuple[str, str], table: str = VAT, **more: Any) -> list[float | None]:
    values = feature_matrix(cohort(*asked), [feature], {"vat": events(table)}, **more).table["x"].to_pylist()
    return [None if np.isnan(value) else value for value in values]


LAST = Feature("x", "vat", "last", "numeric", field="sales")
SUM = Feature("x", "vat", "sum", "numeric", field="sales", window_days=60)
COUNT = Feature("x", "vat", "count", "numeric", window_days=60)
KIND = Feature("x", "vat", "last", "code", field="kind")


def test_an_event_counts_from_the_day_it_was_known() -> None:
    days = [("a", "2024-02-19"), ("a", "2024-02-20"), ("a", "2024-04-19"), ("a", "2024-04-20")]
    assert ask(LAST, *days) == [None, 10, 20, 30]


def test_an_event_known_before_it_happens_counts_from_the_day_it_happens() -> None:
    announced = "firm event_at available_at sales kind\na 2024-05-01 2024-04-01 7 late"
    assert ask(LAST, ("a", "2024-04-30"), ("a", "2024-05-01"), table=announced) == [None, 7]


def test_the_window_leaves_out_its_first_day_and_includes_its_last() -> None:
    exact = "firm event_at available_at sales kind\na 2024-01-01 2024-01-01 1 late\na 2024-03-01 2024-03-01 2 late"
    assert ask(SUM, ("a", "2024-02-29"), ("a", "2024-03-01"), ("a", "2024-04-30"), table=exact) == [1, 2, 0]


def test_nothing_known_is_missing_for_last_and_zero_for_count_and_sum() -> None:
    unknown = ("nobody", "2024-12-31")
    assert [ask(feature, unknown) for feature in (LAST, KIND, COUNT, SUM)] == [[None], [None], [0], [0]]


def test_a_null_in_the_latest_event_is_missing_and_adds_nothing() -> None:
    assert [ask(feature, ("b", "2024-04-30")) for feature in (LAST, SUM, COUNT)] == [[None], [0], [1]]


def test_where_keeps_the_events_with_a_listed_value() -> None:
    late = Feature("x", "vat", "count", "numeric", window_days=365, where={"kind": ("late",)})
    last_late = Feature("x", "vat", "last", "numeric", field="sales", where={"kind": ("late", "never")})
    small = Feature("x", "vat", "count", "numeric", window_days=365, where={"sales": (10, 20)})
    assert [ask(f, ("a", "2024-12-31"))[0] for f in (late, last_late, small)] == [1, 10, 2]


def test_codes_are_positions_in_an_ascending_list() -> None:
    matrix = feature_matrix(cohort(("a", "2024-12-31"), ("b", "2024-12-31")), [KIND], {"vat": events(VAT)})
    assert (matrix.table["x"].to_pylist(), matrix.codes) == ([1, 0], {"x": ("late", "on_time")})


def test_a_model_is_scored_with_the_codes_it_was_trained_on() -> None:
    assert ask(KIND, ("a", "2024-12-31"), ("b", "2024-12-31"), codes={"x": ["corrected", "on_time"]}) == [1, None]


def test_of_two_events_of_one_day_the_later_known_wins_then_the_larger_value() -> None:
    tied = "firm event_at available_at sales kind\n" + "\n".join(["a 2024-01-01 2024-01-03 5 late", "a 2024-01-01 2024-01-03 9 on_time"])
    tied += "\na 2024-01-01 2024-01-02 99 zz\n"
    assert [ask(LAST, ("a", "2024-02-01"), table=tied), ask(KIND, ("a", "2024-02-01"), table=tied, codes={"x": ["on_time"]})] == [[9], [0]]


def test_a_date_begins_at_midnight_in_shanghai() -> None:
    received = datetime(2024, 5, 1, 16, 0, tzinfo=UTC)  # midnight of 2 May in Shanghai
    table = events("firm event_at available_at sales kind\na 2024-05-01 2024-05-01 3 late").set_column(
        2, "available_at", pa.array([received], pa.timestamp("us", "UTC"))
    )
    seen = feature_matrix(cohort(("a", "2024-05-01"), ("a", "2024-05-02")), [LAST], {"vat": table}).table["x"].to_pylist()
    assert np.isnan(seen[0])
    assert seen[1] == 3


def test_a_row_without_an_observation_is_refused() -> None:
    nothing = cohort(("a", "2024-01-01")).set_column(2, "observed_at", pa.array([None], pa.date32()))
    with pytest.raises(ValueError, match="observation"):
        feature_matrix(nothing, [LAST], {"vat": events(VAT)})


# ---- against a quadratic loop ------------------------------------------------------------------------------------------------

START = date(2024, 1, 1)
day = st.integers(0, 12).map(lambda n: START + timedelta(days=n))
event = st.tuples(
    st.sampled_from("ab"), st.none() | day, st.none() | day, st.none() | st.integers(-3, 3), st.none() | st.sampled_from("xyz")
)
FEATURES = [
    Feature("last_n", "t", "last", "numeric", field="n"),
    Feature("last_k", "t", "last", "code", field="k"),
    Feature("last_where", "t", "last", "numeric", field="n", where={"k": ("x", "y")}),
    Feature("count_3", "t", "count", "numeric", window_days=3),
    Feature("sum_5", "t", "sum", "numeric", field="n", window_days=5),
    Feature("sum_where", "t", "sum", "numeric", field="n", window_days=9, where={"n": (1, 2), "k": ("x",)}),
]


def slow(feature: Feature, firm: str, observed: date, known: list[Any]) -> Any:
    """One value by its definition."""
    seen = [e for e in known if e[0] == firm and e[1] is not None and e[2] is not None and e[1] <= observed and e[2] <= observed]
    seen = [e for e in seen if all({"n": e[3], "k": e[4]}[name] in values for name, values in feature.where.items())]
    if feature.window_days is not None:
        seen = [e for e in seen if e[1] > observed - timedelta(days=feature.window_days)]
    if feature.aggregate == "count":
        return len(seen)
    place = 3 if feature.field == "n" else 4
    if feature.aggregate == "sum":
        return sum(e[place] or 0 for e in seen)
    newest = max(((e[1], e[2]) for e in seen), default=None)
    return max((e[place] for e in seen if (e[1], e[2]) == newest and e[place] is not None), default=None)


def run(asked: list[tuple[str, date]], known: list[Any]) -> Matrix:
    firms, days = zip(*asked, strict=True)
    people = pa.table({"row": pa.array(range(len(asked)), pa.int32()), "topic_id": list(firms), "observed_at": pa.array(days, pa.date32())})
    columns = list(zip(*known, strict=True)) or [()] * 5
    kinds = [pa.string(), pa.date32(), pa.date32(), pa.int64(), pa.string()]
    names = ["topic_id", "event_at", "available_at", "n", "k"]
    table = pa.table({name: pa.array(list(c), kind) for name, c, kind in zip(names, columns, kinds, strict=True)})
    return feature_matrix(people, FEATURES, {"t": table})


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("abc"), day), min_size=1, max_size=6), st.lists(event, max_size=14), st.randoms())
def test_every_value_is_what_its_definition_says_however_rows_stand(asked: Any, known: list[Any], random: Any) -> None:
    matrix = run(asked, known)
    for feature in FEATURES:
        found = [None if np.isnan(v) else v for v in matrix.table[feature.name].to_pylist()]
        if feature.type == "code":
            found = [None if v is None else matrix.codes[feature.name][int(v)] for v in found]
        assert found == [slow(feature, firm, observed, known) for firm, observed in asked]
    random.shuffle(known)
    assert run(asked, known).table.to_pydict().__repr__() == matrix.table.to_pydict().__repr__()
