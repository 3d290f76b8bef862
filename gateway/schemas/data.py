"""Datasets, features, intake. Names, types and dates of publication: never a value."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from gateway.schemas import Asked, Id, Sha256, Told


class FieldTold(Told):
    """``reason``: why the field cannot be granted."""

    name: str
    title_zh: str
    title_en: str
    type: str
    grade: int
    grantable: bool
    reason: str | None
    reason_zh: str | None


class SnapshotTold(Told):
    """Counts are told to the platform's side only: how many firms changed is itself a figure about them."""

    id: str
    tag: str
    published_at: datetime | None
    pin_until: datetime | None
    rows: int | None
    rows_quarantined: int | None


class DatasetTold(Told):
    name: str
    department: str
    version: str
    title_zh: str
    title_en: str
    data_class: str
    consent_class: str
    grade: int
    subject_domain: str
    register_: bool = Field(serialization_alias="register")
    contract_hash: str
    fields_: list[FieldTold] = Field(serialization_alias="fields")
    snapshots: list[SnapshotTold]


class FeatureTold(Told):
    name: str
    dataset: str
    aggregate: str
    type: str
    field: str | None
    window_days: int | None
    where: dict[str, list[str | int | float | bool]]


class IntakeBody(Asked):
    """The file itself lies in the department's landing folder; HTTP carries its name and hash only."""

    dataset: Id
    file_name: str = Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")
    sha256: Sha256


class JobStarted(Told):
    job_id: str
