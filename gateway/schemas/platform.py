"""The ledger, and what the platform says of itself."""

from __future__ import annotations

from gateway.schemas import Told


class ProblemTold(Told):
    code: str
    record: int | None
    text: str
    text_zh: str


class LedgerReportTold(Told):
    ok: bool
    records: int
    checkpoints: int
    signed_size: int
    unsigned_tail: int
    payloads_erased: int
    problems: list[ProblemTold]


class Reception(Told):
    recipient: str


class Health(Told):
    status: str
    supervisor_alive: bool
