"""Kind ``train``: the platform's own training code in the jail, on the bank's cohort and label. Reproducible to the hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog.database import Tx
from catalog.errors import BadInput
from catalog.outcomes import Outcome
from jobs.kinds import Attempt, Collected
from jobs.spec import JobSpec
from sandbox.airlock.policies import DEFAULT, policy_hash
from sandbox.jail.spec import Bind, JailSpec, platform_code, platform_program
from sandbox.kinds.inputs import InputNames, check_inputs, prepare_rows
from sandbox.kinds.jail_step import code_hash, ended_badly, limits_of, read_report, refused_by_module, run_in_jail, told, write_request
from sandbox.kinds.outputs import keep_outputs
from sandbox.modelling.params import ParameterRefused, validate_params
from sandbox.modelling.training import MODEL_FILES
from sandbox.services import SandboxServices
from sandbox.workspace.assembly import Assembled, Plan

CODE = "sandbox.modelling"
MODULE = "sandbox.modelling.jailed_train"
REPORT = "report.json"
MODEL_TYPES = {"lightgbm": "model.trees", "scorecard": "model.scorecard"}
SEED = 7


class TrainKind:
    name = "train"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """At submission: parameters, outputs, features, grants and split are what they may be."""
        algorithm, params = split_params(spec)
        check_outputs(spec, {MODEL_FILES[algorithm]: MODEL_TYPES[algorithm], REPORT: "metrics"})
        try:
            validate_params(algorithm, params)
        except ParameterRefused as refusal:
            raise BadInput(refusal.code, **refusal.params) from None
        check_inputs(tx, project_id, InputNames.of(spec), labelled=True)

    def prepare(self, attempt: Attempt) -> None:
        plan, assembled = prepare_rows(attempt, InputNames.of(attempt.spec), labelled=True)
        attempt.state.update({"plan": plan, "assembled": assembled})

    def run(self, attempt: Attempt) -> None:
        attempt.state["result"] = run_in_jail(attempt, training_spec(attempt, attempt.state["plan"], attempt.state["assembled"]), "out")

    def collect(self, attempt: Attempt) -> Collected:
        result = attempt.state["result"]
        bad = ended_badly(result) or refused_by_module(read_report(result.outputs[REPORT]))
        if bad is not None:
            return bad
        plan: Plan = attempt.state["plan"]
        manifest = make_manifest(attempt, plan, attempt.state["assembled"], code_hash(CODE))
        kept = keep_outputs(attempt, result.outputs)
        evidence = {"manifest": {**manifest, "outputs": kept.hashes}, "grade": plan.grade}
        return Collected(Outcome.SUCCEEDED, figures=told(result), evidence=evidence, record=kept.record)


def split_params(spec: JobSpec) -> tuple[str, dict[str, Any]]:
    """(algorithm, its parameters). Raises BadInput for an unknown algorithm."""
    params = dict(spec.params)
    algorithm = params.pop("algorithm", None)
    if not isinstance(algorithm, str) or algorithm not in MODEL_FILES:
        raise BadInput("train.algorithm_unknown", step=spec.step, known=", ".join(MODEL_FILES))
    return algorithm, params


def check_outputs(spec: JobSpec, allowed: Mapping[str, str]) -> None:
    """Declared outputs name the files this kind makes, with their types. Raises BadInput naming the first that does not."""
    if not spec.outputs:
        raise BadInput("spec.no_outputs", step=spec.step)
    for output in spec.outputs:
        if allowed.get(output.path) != output.type:
            known = ", ".join(f"{path} ({type_})" for path, type_ in allowed.items())
            raise BadInput("spec.output_unknown", step=spec.step, output=output.name, known=known)


def training_spec(
    attempt: Attempt, plan: Plan, assembled: Assembled, *, spec: JobSpec | None = None, threads: int | None = None
) -> JailSpec:
    """The jail that trains; also used, with another number of threads, to show that training is reproducible."""
    services: SandboxServices = attempt.services
    spec = spec or attempt.spec
    algorithm, params = split_params(spec)
    request = write_request(
        attempt.folder,
        {
            "algorithm": algorithm,
            "features": plan.names,
            "grid": {name: list(edges) for name, edges in assembled.grid.items()},
            "params": params,
            "threads": threads or spec.resources.cpus,
            "seed": SEED,
        },
        f"train-{threads or 0}.json",
    )
    return JailSpec(
        program=platform_program(MODULE),
        environment=services.jail_environment,
        inputs=(rows_bind(assembled), Bind(request.source, "request.json")),
        code=platform_code(CODE),
        outputs=(MODEL_FILES[algorithm], REPORT),
        limits=limits_of(spec.resources),
    )


def rows_bind(assembled: Assembled) -> Bind:
    return Bind(Path(assembled.rows.path), "rows.arrow")


def make_manifest(attempt: Attempt, plan: Plan, assembled: Assembled, code: str) -> dict[str, Any]:
    """What the outputs came from, by hash: enough to make them again."""
    services: SandboxServices = attempt.services
    return {
        "v": 1,
        "job": attempt.job_id,
        "attempt": attempt.number,
        "spec": attempt.spec.hash,
        "code": code,
        "environment": services.jail_environment.name,
        "policy": policy_hash(DEFAULT),
        "rows_sha256": assembled.rows.sha256,
        "grid": assembled.grid_hash,
        "inputs": replace(plan.pinned, codes=assembled.codes).to_json(),
        "cohort": attempt.state["cohort_id"],
        "needs_consent": plan.consented is not None,
    }


KIND = TrainKind()
