"""The ledger: its records without payloads, and its recomputation from the stored bytes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from catalog.ledger.record import read_record
from catalog.ledger.verify import verify_ledger
from catalog.store import ledger
from catalog.store.ledger import StoredRecord
from gateway.api.doors import LedgerSee, PlatformHere
from gateway.data_zone import witness
from gateway.schemas.platform import LedgerReportTold, ProblemTold
from sandbox.airlock.trust import TrustFile

router = APIRouter(tags=["ledger"])


@router.get("/ledger")
def records(
    _: LedgerSee,
    platform: PlatformHere,
    object_name: Annotated[str | None, Query(alias="object", max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[dict[str, Any]]:
    """The newest first: each record's fields and its leaf hash."""
    with platform.database.reading() as tx:
        found = ledger.recent(tx, object_name=object_name, limit=limit)
    return [_told(row) for row in found]


def _told(row: StoredRecord) -> dict[str, Any]:
    """A record that cannot be read shows where it stands; ``POST /ledger/verify`` says what is wrong with it."""
    try:
        return {**read_record(row.canonical), "leaf": row.leaf}
    except ValueError:
        return {"seq": row.seq, "leaf": row.leaf}


@router.post("/ledger/verify")
def verify(_: LedgerSee, platform: PlatformHere) -> LedgerReportTold:
    """Recompute records, chain, tree and checkpoints' signatures; believes no stored hash. Holds the platform's own memory against it."""
    keys = TrustFile.from_json(platform.trust()).ledger_keys
    witnessed = witness.remembered(platform.settings.trust_dir)
    with platform.database.reading() as tx:
        claim = ledger.head(tx).claim
        report = verify_ledger(ledger.stored_records(tx), ledger.stored_checkpoints(tx), keys, claim, witnessed)
    problems = [ProblemTold(code=p.code, record=p.record, text=p.text("en"), text_zh=p.text("zh")) for p in report.problems]
    return LedgerReportTold(
        ok=report.ok,
        records=report.records,
        checkpoints=report.checkpoints,
        signed_size=report.signed_size,
        unsigned_tail=report.unsigned_tail,
        payloads_erased=report.payloads_erased,
        problems=problems,
    )
