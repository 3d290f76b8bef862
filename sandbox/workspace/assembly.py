"""From a stored cohort to the file a job reads: matched and consented rows, point-in-time features, grid, permutation.

Deterministic: the same cohort, snapshots, consent instant and spec give the same bytes, so that a check can rebuild what a job saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog import canonical_json, clock
from catalog.contracts import DatasetContract
from catalog.database import Tx
from catalog.errors import PolicyRefusal
from catalog.features import Feature, choose, feature_grade
from catalog.projects import Project, check_fields_are_granted, check_project_is_live
from catalog.store import consents, projects
from sandbox.services import SandboxServices
from sandbox.workspace.catalogue import contract_of, declared_features, latest_table_snapshot, refuse_fields
from sandbox.workspace.code_lists import check_lists_are_short, without_rare_texts
from sandbox.workspace.definitions import definition_hash, refuse_changed
from sandbox.workspace.inputs import RowsFile, register_grid, write_rows
from sandbox.workspace.matched_cohort import MatchedCohort
from sandbox.workspace.partition import hidden_features, partition_rows
from sandbox.workspace.point_in_time import Matrix, feature_matrix


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a job's inputs depend on besides its spec and cohort. Stored with the job, so that they can be rebuilt.

    ``definitions``: by feature the hash of what it meant; a later job that relies on this one is refused when it means something else.
    """

    snapshots: Mapping[str, int]
    consent_at: datetime
    codes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        codes = {name: list(texts) for name, texts in self.codes.items()}
        snapshots = {name: str(number) for name, number in self.snapshots.items()}  # beyond what JSON numbers carry exactly
        consent_at = clock.to_iso(self.consent_at)
        return {"snapshots": snapshots, "consent_at": consent_at, "codes": codes, "definitions": dict(self.definitions)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pinned:
        snapshots = {name: int(number) for name, number in document["snapshots"].items()}
        definitions = dict(document.get("definitions", {}))  # none pinned: no feature agrees with it
        return cls(snapshots, clock.from_iso(document["consent_at"]), dict(document["codes"]), definitions)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the metadata says about a job's inputs; built in one short transaction, no row in it."""

    project: Project
    features: tuple[Feature, ...]
    hidden: tuple[str, ...]
    contracts: Mapping[str, DatasetContract]
    pinned: Pinned
    consented: frozenset[str] | None
    grade: int

    @property
    def names(self) -> list[str]:
        """Features the job sees, in the order it asked for them."""
        return [f.name for f in self.features if f.name not in self.hidden]


@dataclass(frozen=True, slots=True)
class Assembled:
    """``rows`` is what the jail gets. ``row_ids`` and ``topic_ids`` follow the file's order and stay with the platform."""

    rows: RowsFile
    grid: Mapping[str, Sequence[float]]
    row_ids: tuple[str, ...] = field(repr=False)
    topic_ids: tuple[str, ...] = field(repr=False)
    codes: Mapping[str, Sequence[str]]

    @property
    def grid_hash(self) -> str:
        return canonical_json.sha256_hex({name: list(edges) for name, edges in self.grid.items()})


def plan_inputs(tx: Tx, project_id: str, feature_names: Sequence[str], split: Mapping[str, Any], *, pinned: Pinned | None = None) -> Plan:
    """Check project, grants, contracts and features, and pin snapshots and definitions.

    Raises PolicyRefusal, BadInput or NotFound naming what fails; PolicyRefusal too when ``pinned`` knows a feature by another definition.
    """
    now = clock.now()
    project = projects.project_by_id(tx, project_id)
    check_project_is_live(project, now)
    hidden = hidden_features(split, feature_names)
    declared = declared_features(tx)
    refuse_fields(tx, declared, feature_names)
    chosen = choose(declared, [*feature_names, *hidden])
    used = {name: contract_of(tx, name) for name in sorted({f.dataset for f in chosen})}
    wanted = {name: {read for f in chosen if f.dataset == name for read in f.inputs} for name in used}
    check_fields_are_granted(project, projects.grants_of(tx, project_id), wanted, now)
    today = {f.name: definition_hash(f, used[f.dataset]) for f in chosen}
    if pinned is not None:
        refuse_changed(pinned.definitions, today)
    pins = replace(pinned or Pinned({name: latest_table_snapshot(tx, name) for name in used}, now), definitions=today)
    consented = None
    if any(contract.consent_class != "public" for contract in used.values()):
        consented = consents.consented(tx, project.organisation_id, project.purpose, pins.consent_at)
    grade = max(feature_grade(f, used[f.dataset]) for f in chosen)
    return Plan(project, chosen, hidden, used, pins, consented, grade)


def assemble(
    services: SandboxServices, plan: Plan, cohort: MatchedCohort, split: Mapping[str, Any], folder: Path, *, labelled: bool
) -> Assembled:
    """Write ``rows.arrow`` into ``folder``. Raises PolicyRefusal when no row is left, or texts of code features are too many."""
    usable = cohort.usable(plan.consented)
    if usable.num_rows == 0:
        raise PolicyRefusal("inputs.no_rows")
    matrix = _matrix(services, plan, usable)
    partition = partition_rows(split, usable.column("topic_id").to_pylist(), matrix) if labelled else None
    kept = np.arange(usable.num_rows) if partition is None else np.flatnonzero(partition >= 0)
    if kept.size == 0:
        raise PolicyRefusal("inputs.no_rows")
    chosen = usable.take(pa.array(kept))
    shown = Matrix(matrix.table.select(["row", *plan.names]).take(pa.array(kept)), matrix.codes)
    rows = write_rows(
        folder,
        shown,
        observed_at=chosen.column("observed_at"),
        labels=chosen.column("label").to_numpy().astype(np.int8) if labelled else None,
        partition=None if partition is None else partition[kept].astype(np.int8),
        subjects=_dense(chosen.column("topic_id")),
    )
    trains = None if partition is None else partition[kept] == 0
    grid = register_grid(shown, trains=trains) if labelled else {}
    ordered = chosen.take(pa.array(rows.order))
    row_ids, topic_ids = (tuple(ordered.column(name).to_pylist()) for name in ("row_id", "topic_id"))
    return Assembled(rows, grid, row_ids, topic_ids, matrix.codes)


def shown_codes(plan: Plan, assembled: Assembled) -> dict[str, list[str]]:
    """For each code feature the job sees, its texts by position; ``assembled.codes`` also has those of a feature that only splits."""
    return {name: list(assembled.codes[name]) for name in plan.names if name in assembled.codes}


def _matrix(services: SandboxServices, plan: Plan, usable: pa.Table) -> Matrix:
    cohort = pa.table(
        {
            "row": pa.array(range(usable.num_rows), pa.int32()),
            "topic_id": usable.column("topic_id"),
            "observed_at": usable.column("observed_at"),
        }
    )
    tables = {}
    for name in plan.contracts:
        read = sorted({column for f in plan.features if f.dataset == name for column in f.inputs})
        tables[name] = services.topic.scan(name, plan.pinned.snapshots[name], ["topic_id", "event_at", "available_at", *read])
    matrix = feature_matrix(cohort, plan.features, tables, plan.pinned.codes)
    matrix = without_rare_texts(matrix, _dense(usable.column("topic_id")), plan.pinned.codes)
    check_lists_are_short(matrix.codes)
    return matrix


def _dense(topic_ids: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(topic_ids.combine_chunks().dictionary_encode().indices.to_numpy(), np.int64)
