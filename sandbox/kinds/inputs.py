"""What a modelling step names as its inputs, checked at submission and turned into rows when it is prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.database import Tx
from catalog.errors import BadInput, PolicyRefusal
from jobs.kinds import Attempt
from jobs.spec import JobSpec
from sandbox.services import SandboxServices
from sandbox.store import cohorts
from sandbox.workspace.assembly import Assembled, Pinned, Plan, assemble, plan_inputs
from sandbox.workspace.matched_cohort import read_matched
from sandbox.workspace.partition import check_split

MOST_FEATURES = 500


@dataclass(frozen=True, slots=True)
class InputNames:
    """``inputs: {cohort, features}`` and ``split`` of a step."""

    cohort: str
    features: tuple[str, ...]
    split: Mapping[str, Any]

    @classmethod
    def of(cls, spec: JobSpec) -> InputNames:
        """Raises BadInput for a missing or wrongly typed name."""
        known = {"cohort", "features"}
        unknown = sorted(set(spec.inputs) - known)
        if unknown:
            raise BadInput("spec.unknown_key", where=f"steps.{spec.step}.inputs", key=unknown[0], known="cohort, features")
        cohort, features = spec.inputs.get("cohort"), spec.inputs.get("features")
        if not isinstance(cohort, str):
            raise BadInput("spec.wrong_type", where=f"steps.{spec.step}.inputs.cohort", expected="the name of an uploaded cohort")
        if not isinstance(features, list) or not all(isinstance(f, str) for f in features) or not 1 <= len(features) <= MOST_FEATURES:
            raise BadInput("spec.wrong_type", where=f"steps.{spec.step}.inputs.features", expected="a list of declared features")
        if len(set(features)) != len(features):
            raise BadInput("inputs.feature_twice", where=f"steps.{spec.step}.inputs.features")
        check_split(spec.split, f"steps.{spec.step}.split")
        return cls(cohort, tuple(features), spec.split)


def check_inputs(tx: Tx, project_id: str | None, names: InputNames, *, labelled: bool) -> None:
    """At submission. Raises what ``plan_inputs`` raises, NotFound for a cohort, PolicyRefusal for one without labels."""
    if project_id is None:
        raise BadInput("inputs.no_project")
    plan_inputs(tx, project_id, names.features, names.split)
    cohort = cohorts.newest(tx, project_id, names.cohort)
    if labelled and not cohort.labelled:
        raise PolicyRefusal("inputs.not_labelled", cohort=names.cohort)


def prepare_rows(
    attempt: Attempt, names: InputNames, *, labelled: bool, pinned: Pinned | None = None, cohort_id: str | None = None
) -> tuple[Plan, Assembled]:
    """Plan and rows for an attempt. ``pinned`` and ``cohort_id`` rebuild what an earlier job saw."""
    services: SandboxServices = attempt.services
    assert attempt.project_id is not None
    with services.database.reading() as tx:
        plan = plan_inputs(tx, attempt.project_id, names.features, names.split, pinned=pinned)
        found = cohorts.cohort_by_id(tx, cohort_id) if cohort_id else cohorts.newest(tx, attempt.project_id, names.cohort)
    attempt.state["cohort_id"] = found.id
    if found.matched is None:
        raise PolicyRefusal("inputs.cohort_not_ready", cohort=names.cohort)
    cohort = read_matched(services.tenant_store.get(found.project_id, found.matched))
    if labelled and not cohort.labelled:
        raise PolicyRefusal("inputs.not_labelled", cohort=names.cohort)
    return plan, assemble(services, plan, cohort, names.split, attempt.folder, labelled=labelled)
