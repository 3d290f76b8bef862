"""The one file that knows everybody: it makes a home, and wires stores, keys, topic database, mailbox and runner into what runs.

Also the worker's entry point ``glovebox.worker``: a Ray worker calls ``build_worker`` by name.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import clock, refusals
from catalog.actors import PLATFORM, Actor, Organisation, OrganisationKind, Role, User
from catalog.database import Database
from catalog.errors import BadInput, JailUnavailable, NotFound, PolicyRefusal, Unavailable
from catalog.identifiers import new_id
from catalog.keys.files import FileEnvelope, FileKeyAgent, FileReception, FileSigner, FileTokenKeys, create_platform_keys
from catalog.keys.ports import Signer
from catalog.ledger.record import Entry
from catalog.permissions import Permission, check_belongs, check_may
from catalog.settings import SETTINGS_FILE, Settings, load_settings, render_settings
from catalog.store import actors, ledger
from catalog.topic import Topic
from gateway.auth import hash_password
from gateway.data_zone.ballot import officers_in_force
from gateway.data_zone.consented_rows import consent_ended_since
from gateway.data_zone.jobs import JobHandlers
from gateway.data_zone.recovery import Recovery
from gateway.data_zone.releases import ReleaseHandlers
from gateway.data_zone.signing import ReleaseSigner
from gateway.data_zone.witness import remember_newest
from gateway.migrations import upgrade
from jobs.mailbox import DatabaseMailbox, Handler
from jobs.runner import Runner
from jobs.store import jobs as job_store
from jobs.supervisor import Supervisor
from sandbox.airlock.lifecycle import ReleaseEvent, ReleaseState
from sandbox.airlock.trust import TrustFile
from sandbox.services import SandboxServices
from sandbox.store import releases
from sandbox.workspace import environments
from sandbox.workspace.vault import Vault, VaultRef

OPERATOR = "operator"
FIRST_LOGIN = "admin"
JAIL_LOCK = Path(__file__).resolve().parents[1] / "requirements" / "jail.txt"
FOLDERS = ("topic", "keys", "vault", "store", "landing", "quarantine", "mailbox", "environments", "trust")


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """The one account a new home has; its password is shown once and must be changed at the first sign-in."""

    login: str
    password: str


def initialise_home(home: Path, *, platform: str = "glovebox", cohort_floor: int = 1000) -> FirstOperator:
    """Make a home (0700): settings, keys, schema, ledger, one system administrator. Raises BadInput when one is there already."""
    home = home.resolve()
    if (home / SETTINGS_FILE).exists():
        raise BadInput("settings.exists", home=str(home))
    if (home / "keys").exists():
        raise BadInput("settings.incomplete", home=str(home))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    settings = Settings(home=home, platform=platform, cohort_floor=cohort_floor)
    for folder in FOLDERS:
        (home / folder).mkdir(mode=0o700)
    create_platform_keys(settings.keys_dir)
    upgrade(settings.database)
    password = secrets.token_urlsafe(15)
    _first_records(Database(settings.database), settings, password)
    (home / SETTINGS_FILE).write_text(render_settings(settings), "utf-8")
    for path in (home / SETTINGS_FILE, *home.glob("glovebox.db*")):
        path.chmod(0o600)
    return FirstOperator(FIRST_LOGIN, password)


def _first_records(database: Database, settings: Settings, password: str) -> None:
    with database.transaction() as tx:
        ledger.create_head(tx, settings.suite)
        operator = Organisation(OPERATOR, OrganisationKind.OPERATOR, "平台运营机构", "Platform operator")
        actors.add_organisation(tx, operator, record=Entry.by(PLATFORM, "organisation.add", OPERATOR, kind="operator"))
        roles = frozenset({Role.SYSTEM_ADMINISTRATOR})
        user = User(new_id("user"), OPERATOR, FIRST_LOGIN, "First administrator", roles, must_change_password=True)
        entry = Entry.by(PLATFORM, "user.add", user.id, login=FIRST_LOGIN, roles=[str(r) for r in roles])
        actors.add_user(tx, user, hash_password(password), record=entry)
    database.close()


def build_worker(home: Path) -> SandboxServices:
    """What a worker process needs. On the embedded default one process serves both sides, so the key agent is there."""
    settings = load_settings(home)
    keys = settings.keys_dir
    envelope = FileEnvelope.load(keys)
    return SandboxServices(
        settings=settings,
        database=Database(settings.database),
        topic=Topic(settings.topic_catalogue, settings.topic_dir),
        envelope=envelope,
        token_keys=FileTokenKeys.load(keys),
        reception=FileReception.load(keys),
        vault=Vault(settings.vault_dir, envelope),
        tenant_store=Vault(settings.home / "store", envelope),
        jail_environment=jail_environment(settings),
        key_agent=FileKeyAgent.load(keys),
    )


def jail_environment(settings: Settings) -> Path:
    """The locked Python environment of jobs; where it will be, when it has not been built yet (jobs are then refused at their start)."""
    try:
        return environments.find(settings.environments_dir, JAIL_LOCK)
    except JailUnavailable:
        return environments.environment_dir(settings.environments_dir, JAIL_LOCK)


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything the gateway's process needs."""

    settings: Settings
    database: Database
    services: SandboxServices
    mailbox: DatabaseMailbox
    handlers: Mapping[str, Handler]
    release_signer: Signer
    ledger_signer: Signer

    def write(self, actor: Actor, kind: str, body: Mapping[str, Any], attachment: bytes | None = None) -> dict[str, Any]:
        """Cross the mailbox and wait for the receipt. Raises the data zone's refusal as the error it was there."""
        envelope = self.mailbox.post(actor, kind, body, attachment)
        self.mailbox.pull(self.handlers)
        receipt = self.mailbox.receipt(envelope)
        if receipt is None:
            raise Unavailable("mailbox.not_answered", envelope=envelope)
        refused = receipt.get("refused") or receipt.get("accepted", {}).get("refused")
        if refused is not None:
            raise refusals.from_json(refused)
        return dict(receipt["accepted"])

    @property
    def reception_recipient(self) -> str:
        return self.services.reception.recipient

    def trust(self) -> dict[str, Any]:
        """What a bank or an auditor pins."""
        with self.database.reading() as tx:
            officers = tuple(officers_in_force(tx))
        keys = (self.release_signer.public_key,), (self.ledger_signer.public_key,)
        return TrustFile(self.settings.platform, *keys, officers).to_json()

    def code(self, actor: Actor, job_id: str) -> bytes:
        """The script of a job that carries one, for those who approve it. Raises NotFound for a job without code."""
        check_may(actor, Permission.JOBS_APPROVE)
        with self.database.reading() as tx:
            job = job_store.find(tx, job_id)
        check_belongs(actor, job.organisation_id, "job", job_id)
        if not job.spec.code_sha256 or job.project_id is None:
            raise NotFound("jobs.no_code", job=job_id)
        return self.services.tenant_store.get(job.project_id, VaultRef(job.spec.code_sha256, job.spec.code_bytes))

    def package(self, actor: Actor, release_id: str) -> bytes:
        """The sealed package of a released release, for its own bank; the download is recorded.

        Raises PolicyRefusal while it is not released, and when a subject withdrew since it was signed: it is then revoked.
        """
        check_may(actor, Permission.RELEASES_DOWNLOAD)
        with self.database.transaction() as tx:
            release = releases.find(tx, release_id)
            check_belongs(actor, release.organisation_id, "release", release_id)
            if release.state is not ReleaseState.RELEASED or release.package is None or release.released_at is None:
                raise PolicyRefusal("release.not_ready", release=release_id, state=str(release.state))
            ended = consent_ended_since(self.services, tx, release, release.released_at, clock.now())
            if ended:
                releases.move(tx, release_id, ReleaseEvent.REVOKE, PLATFORM, payload={"reason": "consent_changed"})
            else:
                ledger.append(tx, Entry.by(actor, "release.download", release_id, package=str(release.package["sha256"])))
        if ended:
            raise PolicyRefusal("release.consent_changed", release=release_id)
        return self.services.tenant_store.get(release.project_id, VaultRef(**release.package))

    @property
    def signer(self) -> ReleaseSigner:
        return ReleaseSigner(self.services, self.release_signer, self.ledger_signer, self.settings.platform)


def build_platform(home: Path) -> Platform:
    services = build_worker(home)
    settings = services.settings
    jobs, released = JobHandlers(services), ReleaseHandlers(services)
    handlers: dict[str, Handler] = {
        "job.submit": jobs.submit,
        "job.cancel": jobs.cancel,
        "job.approve": jobs.approve,
        "job.refuse": jobs.refuse,
        "intake.start": jobs.start_intake,
        "cohort.upload": jobs.upload_cohort,
        "consent.load": jobs.load_consents,
        "release.request": released.request,
        "release.explain": released.explain,
        "release.resubmit": released.resubmit,
        "release.vote": released.vote,
        "release.withdraw": released.withdraw,
        "release.revoke": released.revoke,
    }
    return Platform(
        settings=settings,
        database=services.database,
        services=services,
        mailbox=DatabaseMailbox(services.database, settings.mailbox_dir),
        handlers=handlers,
        release_signer=FileSigner.load(settings.keys_dir, "release"),
        ledger_signer=FileSigner.load(settings.keys_dir, "ledger"),
    )


def build_runner(settings: Settings, name: str) -> Runner:
    """``ray`` (the default) or ``local``."""
    if name == "local":
        from jobs.local_runner import LocalRunner

        return LocalRunner(settings.home, settings.memory_slots)
    from jobs.ray_runner import RayRunner

    os.environ["GLOVEBOX_HOME"] = str(settings.home)
    return RayRunner(settings.home, settings.memory_slots, settings.ray_address)


def build_supervisor(platform: Platform, runner_name: str = "ray") -> Supervisor:
    """The loop with the platform's periodic duties: take the mail, sign what is approved, write checkpoints, reconcile publications."""

    def take_mail() -> None:
        platform.mailbox.pull(platform.handlers)

    def checkpoint() -> None:
        with platform.database.reading() as tx:
            due = ledger.checkpoint_is_due(tx)
        if due:
            with platform.database.transaction() as tx:
                ledger.write_checkpoint(tx, platform.ledger_signer, platform.settings.platform)
            remember_newest(platform.database, platform.settings.trust_dir)

    runner = build_runner(platform.settings, runner_name)
    recovery = Recovery(platform.services)
    return Supervisor(platform.services, runner, (take_mail, platform.signer.advance_all, checkpoint, recovery.sweep))
