"""Kind ``score``: an approved model over a cohort, in the jail. What may leave is a band per row id of the bank's own.

One score per subject, model version and period: a repeat returns the stored band. A band of 1–9 rows in this list is withheld.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pyarrow as pa

from catalog import clock
from catalog.database import Tx
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.outcomes import Outcome
from catalog.store import consents
from jobs.kinds import Attempt, Collected
from jobs.spec import JobSpec
from jobs.store import jobs as job_store
from sandbox.jail.spec import JailSpec, platform_code, platform_program
from sandbox.kinds.inputs import InputNames, prepare_rows
from sandbox.kinds.jail_step import code_hash, ended_badly, limits_of, read_report, refused_by_module, run_in_jail, told, write_input
from sandbox.kinds.outputs import keep_contents
from sandbox.kinds.train import CODE, make_manifest, rows_bind
from sandbox.modelling.bands import assign_bands, withhold_small
from sandbox.services import SandboxServices
from sandbox.store import artefacts, cohorts
from sandbox.store.artefacts import Model
from sandbox.workspace.assembly import Assembled, Pinned, Plan, plan_inputs
from sandbox.workspace.definitions import refuse_changed

MODULE = "sandbox.modelling.jailed_score"
SCORES, INDEX = "scores.csv", "scores.index"


class ScoreKind:
    name = "score"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """At submission: the model is this project's and in force, its features still granted, the cohort ready."""
        model_id, cohort = names_of(spec)
        if project_id is None:
            raise BadInput("inputs.no_project")
        model = model_in_force(tx, model_id, project_id)
        scoring_pins(tx, project_id, model)
        cohorts.newest(tx, project_id, cohort)

    def prepare(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        model_id, cohort = names_of(attempt.spec)
        assert attempt.project_id is not None
        with services.database.reading() as tx:
            model = model_in_force(tx, model_id, attempt.project_id)
            pinned = scoring_pins(tx, attempt.project_id, model)
        names = InputNames(cohort, model.features, {})
        plan, assembled = prepare_rows(attempt, names, labelled=False, pinned=pinned)
        data = services.tenant_store.get(attempt.project_id, model.ref)
        attempt.state.update({"model": model, "plan": plan, "assembled": assembled, "bind": write_input(attempt.folder, model.path, data)})

    def run(self, attempt: Attempt) -> None:
        attempt.state["result"] = run_in_jail(attempt, scoring_spec(attempt, attempt.state["bind"], attempt.state["assembled"]), "out")

    def collect(self, attempt: Attempt) -> Collected:
        services: SandboxServices = attempt.services
        result = attempt.state["result"]
        bad = ended_badly(result) or refused_by_module(read_report(result.outputs["report.json"]))
        if bad is not None:
            return bad
        model: Model = attempt.state["model"]
        plan: Plan = attempt.state["plan"]
        assembled: Assembled = attempt.state["assembled"]
        period = clock.business_month(clock.now())
        with services.database.reading() as tx:
            stored = artefacts.stored_bands(tx, model.id, period)
            now_consented = _consented(tx, plan)
        fresh = dict(
            zip(assembled.topic_ids, assign_bands(read_margins(result.outputs["scores.arrow"]), model.bands).tolist(), strict=True)
        )
        given = {**fresh, **{topic_id: band for topic_id, band in stored.items() if topic_id in fresh}}
        rows = [
            (row_id, topic_id, given[topic_id])
            for row_id, topic_id in zip(assembled.row_ids, assembled.topic_ids, strict=True)
            if now_consented is None or topic_id in now_consented
        ]
        leaving = withhold(rows)
        kept = keep_contents(
            attempt,
            {SCORES: ("scores", "release", scores_csv(leaving)), INDEX: ("index", "inside", index_csv(leaving))},
        )
        manifest = make_manifest(attempt, plan, assembled, code_hash(CODE))
        new = [(topic_id, band) for topic_id, band in fresh.items() if topic_id not in stored]

        def record(tx: Tx) -> None:
            kept.record(tx)
            artefacts.remember_bands(tx, model.id, period, new)

        evidence = {"manifest": {**manifest, "outputs": kept.hashes, "model": model.id}, "grade": max(plan.grade, model.grade)}
        return Collected(Outcome.SUCCEEDED, figures=told(result), evidence=evidence, record=record)


def names_of(spec: JobSpec) -> tuple[str, str]:
    """(model id, cohort name). Raises BadInput for anything more: outputs too, for their names are the platform's own."""
    model, cohort = spec.inputs.get("model"), spec.inputs.get("cohort")
    more = spec.params or spec.split or spec.outputs
    if set(spec.inputs) != {"model", "cohort"} or not isinstance(model, str) or not isinstance(cohort, str) or more:
        raise BadInput("score.params", step=spec.step)
    return model, cohort


def model_in_force(tx: Tx, model_id: str, project_id: str) -> Model:
    """Raises NotFound for another project's model, exactly as for none; PolicyRefusal for a revoked one."""
    model = artefacts.model_by_id(tx, model_id)
    if model.project_id != project_id:
        raise NotFound("permissions.not_found", what="model", name=model_id)
    if model.revoked_at is not None:
        raise PolicyRefusal("score.model_revoked", model=model_id)
    return model


def scoring_pins(tx: Tx, project_id: str, model: Model) -> Pinned:
    """Today's snapshots and consents under the model's own lists and definitions. Raises what ``plan_inputs`` raises, PolicyRefusal
    when a feature of the model means something else by now: its margins would be of other numbers than it learnt from."""
    trained = Pinned.from_json(job_store.find(tx, model.train_job).evidence["manifest"]["inputs"])
    fresh = plan_inputs(tx, project_id, model.features, {}).pinned
    refuse_changed(trained.definitions, fresh.definitions)
    return replace(fresh, codes=trained.codes)


def scoring_spec(attempt: Attempt, model: Any, assembled: Assembled) -> JailSpec:
    """The jail that scores; also used at approval, over the training rows, to freeze bands."""
    services: SandboxServices = attempt.services
    return JailSpec(
        program=platform_program(MODULE),
        environment=services.jail_environment,
        inputs=(rows_bind(assembled), model),
        code=platform_code(CODE),
        outputs=("scores.arrow", "report.json"),
        limits=limits_of(attempt.spec.resources),
    )


def read_margins(path: Any) -> Any:
    """Margins in the file's order, float64."""
    with pa.ipc.open_file(str(path)) as reader:
        return reader.read_all().column("margin").to_numpy()


def withhold(rows: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Rows (row id, topic id, band) that may be handed out, by row id. What is withheld looks exactly like what never matched."""
    firms = {(topic_id, band) for _, topic_id, band in rows}  # a firm listed a thousand times is one firm
    bands = [band for _, band in firms]
    hidden = {band for band, hide in zip(bands, withhold_small(bands), strict=True) if hide}
    return sorted(row for row in rows if row[2] not in hidden)


def scores_csv(rows: list[tuple[str, str, int]]) -> bytes:
    return _csv(("row_id", "band"), [(row_id, band) for row_id, _, band in rows])


def index_csv(rows: list[tuple[str, str, int]]) -> bytes:
    """Row id → topic id, kept inside: how a withdrawn consent finds its row."""
    return _csv(("row_id", "topic_id"), [(row_id, topic_id) for row_id, topic_id, _ in rows])


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("ascii"), newline="")))


def _csv(header: tuple[str, ...], rows: list[Any]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("ascii")


def _consented(tx: Tx, plan: Plan) -> frozenset[str] | None:
    if plan.consented is None:
        return None
    return consents.consented(tx, plan.project.organisation_id, plan.project.purpose, clock.now())


KIND = ScoreKind()
