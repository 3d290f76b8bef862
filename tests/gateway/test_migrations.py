"""The schema that migrations make is the schema that the tables describe, on both databases."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from catalog.database import Database
from catalog.identifiers import new_id
from gateway.migrations import FOLDER, upgrade
from gateway.migrations.schema import FLOORS, metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server, engine = request.getfixturevalue("postgres_server")
    name = new_id("empty").replace("-", "_")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.get_uri(database=name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_a_migrated_database_has_exactly_the_tables_we_describe(database):
    with database.reading() as tx:
        assert compare_metadata(MigrationContext.configure(tx, opts={"compare_type": True}), metadata) == []


def test_every_floor_brings_tables():
    assert all(any(table.metadata is metadata for table in vars(floor).values() if hasattr(table, "metadata")) for floor in FLOORS)


def test_upgrading_twice_changes_nothing(empty_url):
    upgrade(empty_url)
    upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    engine.dispose()


def test_two_processes_may_upgrade_at_once(empty_url):
    failures = []

    def run():
        try:
            upgrade(empty_url)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_step_that_fails_leaves_nothing_behind(empty_url):
    database = Database(empty_url)
    with database.transaction() as tx:
        tx.execute(text("CREATE TABLE jobs (id INTEGER)"))  # in the way of a later step
    with pytest.raises(Exception, match="jobs"):
        upgrade(empty_url)
    with database.reading() as tx:
        assert inspect(tx).get_table_names() == ["jobs"]
    database.close()


def test_the_steps_form_one_line():
    script = ScriptDirectory(str(FOLDER))
    assert len(script.get_heads()) == 1
    assert [step.revision for step in reversed(list(script.walk_revisions()))] == sorted(s.revision for s in script.walk_revisions())
