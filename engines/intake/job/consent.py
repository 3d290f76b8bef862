"""Kind ``consent``: a department's consent file, sealed to the platform, becomes consents of topic ids; or ends them."""

from __future__ import annotations

from collections import defaultdict

from catalog import clock
from catalog.actors import PLATFORM
from catalog.consent import Consent
from catalog.contract_files import parse_contract
from catalog.database import Tx
from catalog.errors import BadInput, Unavailable
from catalog.ledger.record import Entry
from catalog.store import actors, consents, datasets
from engines.intake.consents import ConsentLine, parse_consents
from jobs.kinds import Attempt, Collected
from jobs.lifecycle import Outcome
from jobs.spec import JobSpec
from sandbox.services import SandboxServices
from sandbox.workspace.vault import VaultRef

SCOPE = "consent-files"
"""The tenant store's scope for consent files: they belong to no project."""


class ConsentKind:
    name = "consent"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """Started by the platform, which checked what it was asked."""

    def prepare(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        if services.key_agent is None:
            raise Unavailable("intake.no_key_agent")
        inputs = attempt.spec.inputs
        with services.database.reading() as tx:
            dataset = datasets.dataset_by_name(tx, str(inputs["dataset"]))
            known = {organisation.id for organisation in actors.all_organisations(tx)}
        contract = parse_contract(dataset.contract.encode(), f"{dataset.name}.yaml")
        sealed = services.tenant_store.get(SCOPE, VaultRef(inputs["sha256"], inputs["size"]))
        lines = parse_consents(services.reception.open(sealed), contract.subject)
        for line in lines:
            if line.institution not in known:
                raise BadInput("consents.institution_unknown", line=line.line)
        attempt.state.update({"lines": lines, "domain": contract.subject.domain})

    def run(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        lines: tuple[ConsentLine, ...] = attempt.state["lines"]
        assert services.key_agent is not None
        attempt.state["topic_ids"] = services.key_agent.topic_ids(attempt.state["domain"], [line.identifier for line in lines])

    def collect(self, attempt: Attempt) -> Collected:
        pairs = list(zip(attempt.state["lines"], attempt.state["topic_ids"], strict=True))
        domain: str = attempt.state["domain"]
        granted = [
            Consent(topic_id, line.institution, line.purpose, line.valid_from, line.valid_to)
            for line, topic_id in pairs
            if line.action == "grant"
        ]
        ended: dict[tuple[str, str], list[str]] = defaultdict(list)
        for line, topic_id in pairs:
            if line.action == "withdraw":
                ended[line.institution, line.purpose].append(topic_id)

        def record(tx: Tx) -> None:
            entry = Entry.by(PLATFORM, "consent.load", attempt.job_id, granted=len(granted), domain=domain)
            consents.add_consents(tx, domain, granted, record=entry)
            at = clock.now()
            for (institution, purpose), topic_ids in sorted(ended.items()):
                withdrawn = Entry.by(PLATFORM, "consent.withdraw", attempt.job_id, institution=institution, subjects=len(topic_ids))
                consents.withdraw(tx, topic_ids, institution, purpose, at, record=withdrawn)

        figures = {"granted": len(granted), "withdrawn": sum(map(len, ended.values()))}
        return Collected(Outcome.SUCCEEDED, figures=figures, record=record)


CONSENT = ConsentKind()
