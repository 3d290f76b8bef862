"""Datasets and their contracts, declared features, batches, consents."""

from __future__ import annotations

from fastapi import APIRouter

from catalog import canonical_json
from catalog.actors import Actor, OrganisationKind
from catalog.contract_files import parse_contract
from catalog.contracts import DatasetContract, FieldContract, contract_hash
from catalog.database import Tx
from catalog.errors import BadInput, NotFound, PolicyRefusal
from catalog.feature_files import parse_features
from catalog.features import field_faults
from catalog.ledger.record import Entry
from catalog.messages import render
from catalog.permissions import check_owns_department
from catalog.store import datasets
from catalog.store.datasets import Dataset, Snapshot
from gateway.api.bodies import WholeBody, bytes_of
from gateway.api.doors import ConsentsManage, ContractsManage, DatasetsSee, IntakeRun, PlatformHere
from gateway.api.lookups import all_contracts, contract_of
from gateway.schemas.data import DatasetTold, FeatureTold, FieldTold, IntakeBody, JobStarted, SnapshotTold

router = APIRouter(tags=["data"])
YAML = "application/yaml"
SEALED = "application/octet-stream"


@router.get("/datasets")
def list_datasets(actor: DatasetsSee, platform: PlatformHere) -> list[DatasetTold]:
    with platform.database.reading() as tx:
        return [_told(tx, actor, dataset) for dataset in datasets.all_datasets(tx)]


@router.get("/datasets/{name}")
def show_dataset(actor: DatasetsSee, platform: PlatformHere, name: str) -> DatasetTold:
    with platform.database.reading() as tx:
        return _told(tx, actor, datasets.dataset_by_name(tx, name))


@router.put("/datasets/{name}", openapi_extra=bytes_of(YAML))
def put_contract(actor: ContractsManage, platform: PlatformHere, name: str, body: WholeBody) -> DatasetTold:
    """Register a contract (ODCS v3.1.0, YAML) or replace it by a newer one. A dataset never changes its department this way."""
    contract = parse_contract(body, f"{name}.yaml")
    if contract.name != name:
        raise BadInput("gateway.other_dataset_name", found=contract.name, name=name)
    if contract.data_class == "real":  # key files are the only custody of keys there is so far
        raise PolicyRefusal("gateway.real_data_refused", dataset=name)
    check_owns_department(actor, contract.department)
    dataset = Dataset(name, contract.department, contract.version, body.decode("utf-8-sig"), contract_hash(contract))
    with platform.database.transaction() as tx:
        before = _registered_version(tx, actor, name)
        facts = {"department": dataset.department, "contract": dataset.contract_hash}
        record = Entry.by(actor, "dataset.put", name, before=before, after=dataset.version, **facts)
        datasets.put_dataset(tx, dataset, record=record)
        return _told(tx, actor, dataset)


def _registered_version(tx: Tx, actor: Actor, name: str) -> str:
    """Of the contract there is, empty when there is none. Raises NotPermitted when another department registered it."""
    try:
        known = datasets.dataset_by_name(tx, name)
    except NotFound:
        return ""
    check_owns_department(actor, known.department)
    return known.version


@router.get("/features")
def list_features(_: DatasetsSee, platform: PlatformHere) -> list[FeatureTold]:
    with platform.database.reading() as tx:
        documents = datasets.feature_documents(tx)
    return [FeatureTold.model_validate(canonical_json.loads(document)) for document in documents.values()]


@router.put("/features", openapi_extra=bytes_of(YAML))
def put_features(actor: ContractsManage, platform: PlatformHere, body: WholeBody) -> list[FeatureTold]:
    """Declare features (features.yaml), checked against all contracts; a feature declared before is replaced."""
    with platform.database.transaction() as tx:
        features = parse_features(body, "features.yaml", all_contracts(tx))
        for feature in features:
            document = feature.to_json()
            digest = canonical_json.sha256_hex(document)
            record = Entry.by(actor, "feature.put", feature.name, after="declared", dataset=feature.dataset, document=digest)
            datasets.put_feature(tx, feature.name, canonical_json.dumps(document).decode(), record=record)
    return [FeatureTold.model_validate(feature.to_json()) for feature in features]


@router.post("/intake", status_code=202)
def start_intake(actor: IntakeRun, platform: PlatformHere, body: IntakeBody) -> JobStarted:
    """Take in the batch that lies in the department's landing folder."""
    with platform.database.reading() as tx:
        check_owns_department(actor, datasets.dataset_by_name(tx, body.dataset).department)
    return JobStarted.model_validate(dict(platform.write(actor, "intake.start", body.model_dump())))


@router.post("/consents/{dataset}", status_code=202, openapi_extra=bytes_of(SEALED))
def load_consents(actor: ConsentsManage, platform: PlatformHere, dataset: str, body: WholeBody) -> JobStarted:
    """A file of consents, sealed to the platform's reception key."""
    with platform.database.reading() as tx:
        known = datasets.dataset_by_name(tx, dataset)
    return JobStarted.model_validate(dict(platform.write(actor, "consent.load", {"dataset": known.name}, body)))


def _told(tx: Tx, actor: Actor, dataset: Dataset) -> DatasetTold:
    contract = contract_of(dataset)
    inside = actor.organisation_kind is not OrganisationKind.BANK
    return DatasetTold(
        name=contract.name,
        department=contract.department,
        version=contract.version,
        title_zh=contract.title_zh,
        title_en=contract.title_en,
        data_class=contract.data_class,
        consent_class=contract.consent_class,
        grade=contract.grade,
        subject_domain=contract.subject.domain,
        register_=contract.register,
        contract_hash=dataset.contract_hash,
        fields_=[_field(contract, field) for field in contract.fields],
        snapshots=[_snapshot(each, inside) for each in datasets.published_snapshots(tx, dataset.name)],
    )


def _field(contract: DatasetContract, field: FieldContract) -> FieldTold:
    faults = field_faults(contract, field.name, field.name)
    reason, reason_zh = (None, None) if not faults else (render(faults[0].code, faults[0].params, lang) for lang in ("en", "zh"))
    return FieldTold(
        name=field.name,
        title_zh=field.title_zh,
        title_en=field.title_en,
        type=field.published_type or field.type,
        grade=field.grade,
        grantable=not faults,
        reason=reason,
        reason_zh=reason_zh,
    )


def _snapshot(snapshot: Snapshot, inside: bool) -> SnapshotTold:
    return SnapshotTold(
        id=snapshot.id,
        tag=snapshot.tag,
        published_at=snapshot.published_at,
        pin_until=snapshot.pin_until,
        rows=snapshot.rows if inside else None,
        rows_quarantined=snapshot.rows_quarantined if inside else None,
    )
