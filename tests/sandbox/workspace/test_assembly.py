"""What a job's inputs mean and show: definitions a model is held to, and lists of texts that are nobody's fingerprint."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from catalog import canonical_json, clock
from catalog.actors import PLATFORM
from catalog.contract_files import parse_contract
from catalog.contracts import Availability, Recipe
from catalog.errors import PolicyRefusal
from catalog.features import Feature
from catalog.ledger.record import Entry
from catalog.projects import Grant
from catalog.store import datasets, projects
from jobs.store import jobs as job_store
from sandbox.kinds.score import scoring_pins
from sandbox.workspace import code_lists
from sandbox.workspace.assembly import Pinned, assemble, plan_inputs, shown_codes
from sandbox.workspace.code_lists import without_rare_texts
from sandbox.workspace.definitions import definition_hash
from sandbox.workspace.matched_cohort import SCHEMA, MatchedCohort
from sandbox.workspace.point_in_time import Matrix

TABLE = "mr_enterprise_base"
TEXT = (Path(__file__).resolve().parents[3] / "examples" / "province" / "contracts" / f"{TABLE}.yaml").read_text("utf-8")
CONTRACT = parse_contract(TEXT.encode(), f"{TABLE}.yaml")
SIZE = Feature("size", TABLE, "last", "code", field="scale_flag")
CAPITAL = Feature("capital", TABLE, "last", "numeric", field="reg_capital_wan")
FIRMS = {"中型": 12, "大型": 10, "小型": 9}  # firms of each size class; the last also comes thrice per firm in the bank's list


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


def put_contract(tx, text):
    contract = datasets.Dataset(TABLE, "MR", "1.0.0", text, "c" * 64)
    datasets.put_dataset(tx, contract, record=Entry.by(PLATFORM, "dataset.put", TABLE))


def put_feature(tx, feature):
    document = canonical_json.dumps(feature.to_json()).decode()
    datasets.put_feature(tx, feature.name, document, record=Entry.by(PLATFORM, "feature.put", feature.name))


@pytest.fixture
def granted(database, project):
    """The project may read what the two features need, and the table has one snapshot."""
    with database.transaction() as tx:
        put_contract(tx, TEXT)
        for feature in (SIZE, CAPITAL):
            put_feature(tx, feature)
        grant = Grant("grant-1", project.id, TABLE, frozenset({"scale_flag", "reg_capital_wan", "biz_status"}), project.expires_at)
        projects.add_grant(tx, grant, PLATFORM.user_id, record=Entry.by(PLATFORM, "grant.add", grant.id))
        intent = datasets.Snapshot("snap-1", TABLE, "t", "intended", "c" * 64, "b" * 64, None, None, None, None, None)
        datasets.intend_snapshot(tx, intent, record=Entry.by(PLATFORM, "snapshot.intend", "snap-1"))
        until = clock.now() + timedelta(days=9)
        datasets.publish_snapshot(tx, "snap-1", 2**60, 31, 0, until, record=Entry.by(PLATFORM, "snapshot.publish", "snap-1"))
    return project


def changed_field(name, **more):
    return replace(CONTRACT, fields=tuple(replace(f, **more) if f.name == name else f for f in CONTRACT.fields))


@pytest.mark.parametrize(
    ("feature", "contract", "same"),
    [
        (SIZE, CONTRACT, True),
        (replace(SIZE, where={"biz_status": ("开业",)}), CONTRACT, False),
        (replace(CAPITAL, name="size"), CONTRACT, False),
        (SIZE, changed_field("scale_flag", recipe=Recipe("generalise", {"digits": 1})), False),
        (SIZE, changed_field("scale_flag", grade=3), False),
        (SIZE, changed_field("scale_flag", title_en="Something else"), False),
        (SIZE, changed_field("est_date", recipe=Recipe("truncate_date", {"unit": "year"})), False),
        (SIZE, replace(CONTRACT, event_at="approve_date"), False),
        (SIZE, replace(CONTRACT, availability=Availability("received")), False),
        (SIZE, replace(CONTRACT, subject=replace(CONTRACT.subject, domain="other")), False),
        (SIZE, changed_field("reg_capital_wan", grade=3), True),
        (SIZE, replace(CONTRACT, version="2.0.0", retention_days=1, rules=()), True),
    ],
)
def test_which_edits_change_what_a_feature_means(feature, contract, same):
    assert (definition_hash(feature, contract) == definition_hash(SIZE, CONTRACT)) is same


def test_pins_read_back_as_they_were_written(database, granted):
    with database.reading() as tx:
        pinned = plan_inputs(tx, granted.id, ["size", "capital"], {}).pinned
    pinned = replace(pinned, codes={"size": ["中型", "大型"]})
    assert set(pinned.definitions) == {"size", "capital"}
    assert Pinned.from_json(canonical_json.loads(canonical_json.dumps(pinned.to_json()))) == pinned


def redefine(tx):
    put_feature(tx, replace(SIZE, where={"biz_status": ("开业",)}))


def regrade(tx):
    put_contract(tx, TEXT.replace('logicalType: string\n        classification: "1"', 'logicalType: string\n        classification: "2"'))


@pytest.mark.parametrize("change", [redefine, regrade])
def test_a_job_is_not_rebuilt_from_a_feature_that_means_something_else_now(database, granted, change):
    with database.transaction() as tx:
        pinned = plan_inputs(tx, granted.id, ["capital", "size"], {}).pinned
        assert plan_inputs(tx, granted.id, ["size"], {}, pinned=pinned).pinned.definitions == {"size": pinned.definitions["size"]}
        change(tx)
        with pytest.raises(PolicyRefusal) as refused:
            plan_inputs(tx, granted.id, ["capital", "size"], {}, pinned=pinned)
        assert (refused.value.code, refused.value.params) == ("inputs.definition_changed", {"feature": "size"})
        assert plan_inputs(tx, granted.id, ["capital"], {}, pinned=pinned).names == ["capital"]


def test_a_model_scores_on_the_features_it_was_trained_on_or_not_at_all(database, granted, monkeypatch):
    with database.transaction() as tx:
        trained = replace(plan_inputs(tx, granted.id, ["size"], {}).pinned, codes={"size": ["中型"]})
        made_by = SimpleNamespace(evidence={"manifest": {"inputs": trained.to_json()}})
        monkeypatch.setattr(job_store, "find", lambda tx, job_id: made_by)
        model = SimpleNamespace(train_job="job-1", features=("size",))
        pins = scoring_pins(tx, granted.id, model)
        assert (pins.codes, pins.definitions) == (trained.codes, trained.definitions)
        redefine(tx)
        with pytest.raises(PolicyRefusal) as refused:
            scoring_pins(tx, granted.id, model)
    assert (refused.value.code, refused.value.params) == ("inputs.definition_changed", {"feature": "size"})


def test_pins_without_definitions_agree_with_no_feature(database, granted):
    with database.reading() as tx:
        document = plan_inputs(tx, granted.id, ["size"], {}).pinned.to_json()
        del document["definitions"]
        with pytest.raises(PolicyRefusal):
            plan_inputs(tx, granted.id, ["size"], {}, pinned=Pinned.from_json(document))


def register():
    sizes = [size for size, count in FIRMS.items() for _ in range(count)]
    days = pa.array([date(2020, 1, 1)] * len(sizes))
    firms = [f"firm-{number:02}" for number in range(len(sizes))]
    return pa.table({"topic_id": firms, "event_at": days, "available_at": days, "scale_flag": sizes})


def services_with(table):
    return SimpleNamespace(topic=SimpleNamespace(scan=lambda dataset, snapshot, columns: table.select(columns)))


def listed():
    """Every firm once, a firm of the rare class twice more: rows are not firms."""
    table = register()
    firms = table.column("topic_id").to_pylist()
    firms += [f for f, size in zip(firms, table.column("scale_flag").to_pylist(), strict=True) if size == "小型"] * 2
    rows = len(firms)
    labels = pa.array([number % 2 for number in range(rows)], pa.int8())
    names = [f"r{number}" for number in range(rows)]
    columns = [pa.array(names), pa.array(firms), pa.array([date(2024, 1, 1)] * rows), labels, pa.array([True] * rows)]
    return MatchedCohort(pa.table(columns, schema=SCHEMA))


def rows_of(assembled):
    with pa.ipc.open_file(str(assembled.rows.path)) as reader:
        return reader.read_all()


def test_a_job_tells_texts_of_ten_firms_apart_and_a_check_rebuilds_what_it_saw(database, granted, tmp_path):
    with database.reading() as tx:
        plan = plan_inputs(tx, granted.id, ["size"], {})
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assembled = assemble(services_with(register()), plan, listed(), {}, first, labelled=True)
    assert shown_codes(plan, assembled) == {"size": ["中型", "大型"]}
    seen = np.unique(rows_of(assembled).column("size").to_numpy(), return_counts=True)
    assert [array.tolist()[:2] for array in seen] == [[0.0, 1.0], [12, 10]]
    assert np.isnan(seen[0][2])
    assert seen[1][2] == 27

    pinned = Pinned.from_json(replace(plan.pinned, codes=assembled.codes).to_json())
    with database.reading() as tx:
        again = plan_inputs(tx, granted.id, ["size"], {}, pinned=pinned)
    rebuilt = assemble(services_with(register()), again, listed(), {}, second, labelled=True)
    assert (rebuilt.rows.sha256, rebuilt.codes) == (assembled.rows.sha256, assembled.codes)


def test_lists_too_long_to_read_are_refused(database, granted, tmp_path, monkeypatch):
    monkeypatch.setattr(code_lists, "LARGEST_LISTS", 20)
    with database.reading() as tx:
        plan = plan_inputs(tx, granted.id, ["size"], {})
    with pytest.raises(PolicyRefusal) as refused:
        assemble(services_with(register()), plan, listed(), {}, tmp_path, labelled=True)
    assert (refused.value.code, refused.value.params) == ("inputs.codes_too_long", {"feature": "size", "limit": 20})


def test_positions_are_counted_anew_and_pinned_lists_stay():
    texts = ("a", "b", "c")
    places = np.array([0.0] * 10 + [1.0] * 9 + [2.0] * 11 + [np.nan])
    table = pa.table({"row": pa.array(range(31), pa.int32()), "free": places, "kept": places, "number": places})
    found = without_rare_texts(Matrix(table, {"free": texts, "kept": texts}), np.arange(31), {"kept"})
    assert found.codes == {"free": ("a", "c"), "kept": texts}
    assert found.table.column_names == table.column_names
    expected = np.array([0.0] * 10 + [np.nan] * 9 + [1.0] * 11 + [np.nan])
    np.testing.assert_array_equal(found.table["free"].to_numpy(), expected)
    for name in ("kept", "number"):
        np.testing.assert_array_equal(found.table[name].to_numpy(), places)


def test_a_feature_nobody_has_or_only_a_few_have_is_missing_throughout():
    table = pa.table({"row": pa.array([0, 1], pa.int32()), "few": [0.0, 1.0], "none": [np.nan, np.nan]})
    found = without_rare_texts(Matrix(table, {"few": ("a", "b"), "none": ()}), np.arange(2), ())
    assert found.codes == {"few": (), "none": ()}
    assert np.isnan(found.table["few"].to_numpy()).all()
    assert np.isnan(found.table["none"].to_numpy()).all()
