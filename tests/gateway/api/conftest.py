"""A real home with people of every role, two banks with a project each, and clients signed in as any of them."""

import json
import shutil
from datetime import timedelta

import httpx
import pytest

from catalog import canonical_json, clock
from catalog.actors import PLATFORM, Organisation, OrganisationKind, Role, User
from catalog.ledger.record import Entry
from catalog.projects import Project
from catalog.store import actors, projects
from gateway import auth
from gateway.app import create_app
from gateway.cli.mounting import MountedTransport
from gateway.composition import build_platform, initialise_home
from jobs.spec import DeclaredOutput, JobSpec
from jobs.store import jobs
from sandbox.airlock.lifecycle import ReleaseState
from sandbox.store import releases
from sandbox.store.releases import Release, ReleaseFile

PASSWORD = "correct horse battery"
CROWD = {
    "ann": ("bank_a", OrganisationKind.BANK, {Role.SCIENTIST}),
    "amy": ("bank_a", OrganisationKind.BANK, {Role.SCIENTIST}),
    "bob": ("bank_a", OrganisationKind.BANK, {Role.BANK_APPROVER}),
    "bea": ("bank_b", OrganisationKind.BANK, {Role.SCIENTIST}),
    "ben": ("bank_b", OrganisationKind.BANK, {Role.BANK_APPROVER}),
    "tom": ("TX", OrganisationKind.DEPARTMENT, {Role.STEWARD}),
    "tia": ("TX", OrganisationKind.DEPARTMENT, {Role.COMPLIANCE_OFFICER}),
    "sue": ("operator", OrganisationKind.OPERATOR, {Role.STEWARD}),
    "cai": ("operator", OrganisationKind.OPERATOR, {Role.COMPLIANCE_OFFICER}),
    "sid": ("operator", OrganisationKind.OPERATOR, {Role.SECURITY_ADMINISTRATOR}),
    "sam": ("operator", OrganisationKind.OPERATOR, {Role.SYSTEM_ADMINISTRATOR}),
    "ada": ("operator", OrganisationKind.OPERATOR, {Role.AUDITOR}),
}


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A home with everybody in it, made once; each test works on a copy."""
    home = tmp_path_factory.mktemp("template") / "home"
    first = initialise_home(home, platform="test", cohort_floor=10)
    built = build_platform(home)
    hashed = auth.hash_password(PASSWORD)
    with built.database.transaction() as tx:
        for organisation_id, kind in sorted({(o, k) for o, k, _ in CROWD.values() if o != "operator"}):
            organisation = Organisation(organisation_id, kind, f"机构 {organisation_id}", organisation_id)
            actors.add_organisation(tx, organisation, record=Entry.by(PLATFORM, "organisation.add", organisation_id))
        for login, (organisation_id, _, roles) in CROWD.items():
            user = User(f"user-{login}", organisation_id, login, login.title(), frozenset(roles))
            actors.add_user(tx, user, hashed, record=Entry.by(PLATFORM, "user.add", user.id))
        for bank, member in (("bank_a", "ann"), ("bank_b", "bea")):
            _add_project(tx, bank, f"user-{member}")
    built.database.close()
    return home, first


@pytest.fixture
def first(template):
    """The one account of a new home."""
    return template[1]


@pytest.fixture
def platform(template, tmp_path):
    home = shutil.copytree(template[0], tmp_path / "home")
    built = build_platform(home)
    yield built
    built.database.close()


def _add_project(tx, bank, member):
    project = Project(
        f"prj-{bank}",
        bank,
        "sme_loans",
        purpose="sme_credit",
        legal_basis="Article 21",
        impact_assessment="PIA-1",
        scenario="modelling",
        expires_at=clock.now() + timedelta(days=365),
        members=frozenset({member}),
    )
    projects.add_project(tx, project, record=Entry.by(PLATFORM, "project.add", project.id))


@pytest.fixture
def app(platform):
    return create_app(platform)


def client_of(app, **headers):
    """Speaks to the application in this process, as the command line does."""
    return httpx.Client(transport=MountedTransport(app), base_url="http://testserver/api/v1", headers=headers)


@pytest.fixture
def anybody(app):
    """A client that is not signed in."""
    with client_of(app) as client:
        yield client


@pytest.fixture
def signed_in(app, anybody):
    """``signed_in("ann")``: a client with Ann's token."""

    def sign_in(login, password=PASSWORD):
        answer = anybody.post("/session", json={"login": login, "password": password})
        assert answer.status_code == 200, answer.text
        return client_of(app, Authorization=f"Bearer {answer.json()['token']}")

    return sign_in


@pytest.fixture
def actor(platform):
    def find(login):
        with platform.database.reading() as tx:
            return actors.actor_for(tx, actors.user_by_login(tx, login))

    return find


SPEC = JobSpec("train", "credit_model", outputs=(DeclaredOutput("model", "model.txt", "model.trees", "release"),))


def finding(check, verdict, value, limit):
    return {
        "check": check,
        "verdict": verdict,
        "value": value,
        "limit": limit,
        "fix_code": f"check.{check}.fix",
        "source": "ACRO threshold 10",
        "hard": verdict != "review",
        "evidence": {"rows": 14210},
    }


REPORT = {
    "v": 1,
    "policy": {},
    "bands": None,
    "files": {
        "model.txt": {
            "artefact_type": "model.trees",
            "canonical_sha256": "a" * 64,
            "policy_hash": "c" * 64,
            "verdict": "review",
            "findings": [
                finding("pure_leaf", "review", 2, 0),
                finding("smallest_leaf", "pass", 34, 10),
            ],
        }
    },
}


@pytest.fixture
def things(platform, actor):
    """Bank A's job and release under review."""
    ann = actor("ann")
    with platform.database.transaction() as tx:
        record = Entry.by(ann, "job.submit", "job-a")
        jobs.add_job(tx, job_id="job-a", actor=ann, organisation_id="bank_a", project_id="prj-bank_a", spec=SPEC,
                     approval_hash="b" * 64, record=record)  # fmt: skip
        release = Release(
            id="rel-a",
            number=1,
            organisation_id="bank_a",
            project_id="prj-bank_a",
            job_id="job-a",
            author=ann.user_id,
            state=ReleaseState.SUBMITTED,
            round=1,
            grade=3,
            files=(ReleaseFile("model.txt", "model.txt", "model.trees", "a" * 64, 10),),
            spec_hash=SPEC.hash,
            policy_hash="c" * 64,
            report=None,
            report_hash=None,
            recipient_fingerprint="d" * 40,
            removal_allowed=True,
            reason="each is a bank holiday",
            why={},
            check_job=None,
            package=None,
            requested_at=clock.now(),
            approved_at=None,
            released_at=None,
        )
        releases.add_release(tx, release, record=Entry.by(ann, "release.request", "rel-a", after="submitted"))
        report = {"report": json.dumps(REPORT), "report_hash": canonical_json.sha256_hex(REPORT)}
        releases.note(tx, "rel-a", ann, "release.checked", {}, **report)
    return report
