"""Kind ``script``: the bank's own Python in the jail. It may hand out closed-schema metrics; a model it trained is never exported."""

from __future__ import annotations

from catalog.database import Tx
from catalog.errors import BadInput
from catalog.outcomes import Outcome
from jobs.kinds import Attempt, Collected
from jobs.spec import JobSpec
from sandbox.jail.spec import Bind, JailSpec, script_program
from sandbox.kinds.inputs import InputNames, check_inputs, prepare_rows
from sandbox.kinds.jail_step import ended_badly, limits_of, run_in_jail, told, write_input, write_request
from sandbox.kinds.outputs import keep_outputs
from sandbox.kinds.train import make_manifest, rows_bind
from sandbox.services import SandboxServices
from sandbox.workspace.assembly import Assembled, Plan, shown_codes
from sandbox.workspace.vault import VaultRef

LARGEST_SCRIPT_BYTES = 1 << 20
OUTPUT_TYPES = ("metrics", "model.trees", "model.scorecard")
MAIN = "main.py"


class ScriptKind:
    name = "script"

    def examine(self, tx: Tx, project_id: str | None, spec: JobSpec) -> None:
        """At submission: code is there, outputs are of known types, inputs are granted."""
        if not spec.code_sha256:
            raise BadInput("spec.code_missing", step=spec.step, kind=self.name)
        if not spec.outputs:
            raise BadInput("spec.no_outputs", step=spec.step)
        for output in spec.outputs:
            if output.type not in OUTPUT_TYPES:
                raise BadInput("spec.output_unknown", step=spec.step, output=output.name, known=", ".join(OUTPUT_TYPES))
        if spec.params:
            raise BadInput("spec.wrong_type", where=f"steps.{spec.step}.params", expected="nothing: a script carries its own")
        check_inputs(tx, project_id, InputNames.of(spec), labelled=True)

    def prepare(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        plan, assembled = prepare_rows(attempt, InputNames.of(attempt.spec), labelled=True)
        assert attempt.project_id is not None
        code = services.tenant_store.get(attempt.project_id, VaultRef(attempt.spec.code_sha256, _code_size(attempt)))
        attempt.state.update({"plan": plan, "assembled": assembled, "code": write_input(attempt.folder, MAIN, code)})

    def run(self, attempt: Attempt) -> None:
        services: SandboxServices = attempt.services
        plan: Plan = attempt.state["plan"]
        assembled: Assembled = attempt.state["assembled"]
        request = write_request(
            attempt.folder,
            {
                "features": plan.names,
                "grid": {name: list(edges) for name, edges in assembled.grid.items()},
                "codes": shown_codes(plan, assembled),
            },
        )
        spec = JailSpec(
            program=script_program(MAIN),
            environment=services.jail_environment,
            inputs=(rows_bind(assembled), request),
            code=(Bind(attempt.state["code"].source, MAIN),),
            outputs=tuple(o.path for o in attempt.spec.outputs),
            limits=limits_of(attempt.spec.resources),
        )
        attempt.state["result"] = run_in_jail(attempt, spec, "out")

    def collect(self, attempt: Attempt) -> Collected:
        result = attempt.state["result"]
        bad = ended_badly(result)
        if bad is not None:
            return bad
        plan: Plan = attempt.state["plan"]
        manifest = make_manifest(attempt, plan, attempt.state["assembled"], attempt.spec.code_sha256)
        kept = keep_outputs(attempt, result.outputs)
        evidence = {"manifest": {**manifest, "outputs": kept.hashes}, "grade": plan.grade}
        return Collected(Outcome.SUCCEEDED, figures=told(result), evidence=evidence, record=kept.record)


def _code_size(attempt: Attempt) -> int:
    size = attempt.spec.code_bytes
    if not 1 <= size <= LARGEST_SCRIPT_BYTES:
        raise BadInput("script.too_large", step=attempt.spec.step, limit=LARGEST_SCRIPT_BYTES)
    return size


KIND = ScriptKind()
