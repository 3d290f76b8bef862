"""From what stands in an address to the thing it names. Another bank's thing answers exactly like one that does not exist."""

from __future__ import annotations

from functools import lru_cache

from catalog.actors import Actor, OrganisationKind
from catalog.contract_files import parse_contract
from catalog.contracts import DatasetContract
from catalog.database import Tx
from catalog.errors import BadInput, NotFound
from catalog.permissions import check_belongs
from catalog.projects import Project
from catalog.store import actors, datasets, projects
from catalog.store.datasets import Dataset
from jobs.store import jobs
from jobs.store.jobs import Job
from sandbox.store import releases
from sandbox.store.releases import Release


def project_named(tx: Tx, actor: Actor, name: str) -> Project:
    """By id, or by name: their own bank's for a bank's people, for others one that only a single project has.

    Raises NotFound, or BadInput("projects.name_shared") when projects of several banks have this name.
    """
    if actor.organisation_kind is OrganisationKind.BANK:
        try:
            return projects.project_by_name(tx, actor.organisation_id, name)
        except NotFound:
            pass
    else:
        called = [project for project in projects.projects_visible_to(tx, actor) if project.name == name]
        if len(called) > 1 and not any(project.id == name for project in called):
            raise BadInput("projects.name_shared", project=name, count=len(called))
        if called:
            return called[0]
    found = projects.project_by_id(tx, name)
    check_belongs(actor, found.organisation_id, "project", name)
    return found


def job_named(tx: Tx, actor: Actor, job_id: str) -> Job:
    """Raises NotFound."""
    found = jobs.find(tx, job_id)
    check_belongs(actor, found.organisation_id, "job", job_id)
    return found


def release_named(tx: Tx, actor: Actor, release_id: str) -> Release:
    """Raises NotFound."""
    found = releases.find(tx, release_id)
    check_belongs(actor, found.organisation_id, "release", release_id)
    return found


def contract_of(dataset: Dataset) -> DatasetContract:
    return _parsed(dataset.name, dataset.contract)


@lru_cache(maxsize=512)
def _parsed(name: str, contract: str) -> DatasetContract:
    return parse_contract(contract.encode(), f"{name}.yaml")


def all_contracts(tx: Tx) -> dict[str, DatasetContract]:
    return {dataset.name: contract_of(dataset) for dataset in datasets.all_datasets(tx)}


def logins(tx: Tx) -> dict[str, str]:
    """User id → login."""
    return {user.id: user.login for user in actors.all_users(tx)}
