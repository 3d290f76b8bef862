"""Kind ``match``: turn a bank's sealed cohort into topic ids, on the intake side. The only kind that asks the key agent about banks' lists.

Only the public firm register decides what matches; the bank learns a rate of distinct subjects, rounded to 1 % at a secret place.
"""

from __future__ import annotations

import hashlib

from catalog import clock
from catalog.actors import PLATFORM
from catalog.contract_files import parse_contract
from catalog.database import Tx
from catalog.errors import BadInput, GloveboxError, IntegrityBroken, Misuse, PolicyRefusal, Refused, Unavailable
from catalog.ledger.record import Entry
from catalog.refusals import plain
from catalog.store import datasets
from engines.intake.matching import Matched, check_cohort_floor, check_is_register, distinct_subjects, match_cohort
from jobs.kinds import Attempt, Collected
from jobs.lifecycle import Outcome
from jobs.spec import JobSpec
from sandbox.services import SandboxServices
from sandbox.store import cohorts
from sandbox.workspace.cohort_files import CohortRows, parse_cohort
from sandbox.workspace.matched_cohort import write_matched


class MatchKind:
    name = "match"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """Started by the platform, which checked what it was asked."""

    def prepare(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        if services.key_agent is None:
            raise Unavailable("intake.no_key_agent")
        with services.database.reading() as tx:
            cohort = cohorts.cohort_by_id(tx, str(attempt.spec.inputs["cohort_id"]))
            dataset = datasets.dataset_by_name(tx, cohort.dataset)
            snapshot = datasets.latest_snapshot(tx, cohort.dataset)
        contract = parse_contract(dataset.contract.encode(), f"{dataset.name}.yaml")
        number = None if snapshot is None else snapshot.table_snapshot
        attempt.state.update({"cohort": cohort, "contract": contract, "snapshot": number})

    def run(self, attempt: Attempt) -> None:
        """What is wrong with the bank's file is a result of this job, not a failure of it: it is kept with the cohort."""
        try:
            attempt.state["matched"] = self._match(attempt)
        except (Refused, Misuse) as refusal:
            attempt.state["refusal"] = refusal

    def _match(self, attempt: Attempt) -> tuple[CohortRows, Matched]:
        services: SandboxServices = attempt.services
        cohort, contract = attempt.state["cohort"], attempt.state["contract"]
        check_is_register(contract)
        if attempt.state["snapshot"] is None:
            raise PolicyRefusal("cohort.register_empty", dataset=contract.name)
        data = _opened(services, services.tenant_store.get(cohort.project_id, cohort.sealed))
        rows = parse_cohort(data, contract.subject, today=clock.business_date(clock.now()), file=cohort.name)
        identifiers = rows.table.column("identifier").to_pylist()
        check_cohort_floor(distinct_subjects(identifiers), services.settings.cohort_floor)
        register = services.topic.scan(contract.name, attempt.state["snapshot"], ["topic_id"])
        known = frozenset(register.column("topic_id").to_pylist())
        assert services.key_agent is not None
        rounding_key = services.token_keys.project_token_key(cohort.project_id)
        return rows, match_cohort(identifiers, contract.subject, services.key_agent, known, rounding_key)

    def collect(self, attempt: Attempt) -> Collected:
        services: SandboxServices = attempt.services
        cohort: cohorts.Cohort = attempt.state["cohort"]
        refusal: GloveboxError | None = attempt.state.get("refusal")
        if refusal is not None:
            why = {"code": refusal.code, "params": plain(refusal.params)}
            entry = Entry.by(PLATFORM, "cohort.refuse", cohort.id, before=cohort.status, after=cohorts.REFUSED, code=refusal.code)
            return Collected(Outcome.POLICY, why=why, record=lambda tx: cohorts.mark_refused(tx, cohort.id, why, record=entry))
        rows, matched = attempt.state["matched"]
        data = write_matched(rows, matched.topic_ids, matched.flags)
        ref = services.tenant_store.put(cohort.project_id, data)
        rate = float(matched.rate)

        def record(tx: Tx) -> None:
            entry = Entry.by(
                PLATFORM,
                "cohort.ready",
                cohort.id,
                before=cohort.status,
                after=cohorts.READY,
                rows=rows.table.num_rows,
                match_rate=f"{rate:.2f}",
                snapshot=str(attempt.state["snapshot"]),  # beyond what JSON numbers carry exactly
                sha256=hashlib.sha256(data).hexdigest(),
            )
            cohorts.mark_ready(tx, cohort.id, matched=ref, rows=rows.table.num_rows, match_rate=rate, labelled=rows.labelled, record=entry)

        return Collected(Outcome.SUCCEEDED, figures={"rows": rows.table.num_rows, "match_rate": rate}, record=record)


def _opened(services: SandboxServices, sealed: bytes) -> bytes:
    """What does not open is the sender's to put right, hence a refusal of this cohort and no failure of the platform."""
    try:
        return services.reception.open(sealed)
    except IntegrityBroken as error:
        raise BadInput(error.code, **error.params) from None


MATCH = MatchKind()
