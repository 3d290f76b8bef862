"""A job's life, as one table. Approval comes before running; cancelled is not failed; lost goes back to the queue with a new token."""

from __future__ import annotations

from enum import StrEnum

from catalog.lifecycles import Machine, Transition
from catalog.outcomes import Outcome

__all__ = ["ACTIVE", "ENDED", "JOB", "Event", "Outcome", "Status"]


class Status(StrEnum):
    SUBMITTED = "submitted"
    REFUSED = "refused"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    COLLECTING = "collecting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"


class Event(StrEnum):
    REFUSE = "refuse"
    ASK_APPROVAL = "ask_approval"
    ENQUEUE = "enqueue"
    APPROVE = "approve"
    CLAIM = "claim"
    START = "start"
    COLLECT = "collect"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"
    RETRY = "retry"


S, E = Status, Event
T = Transition[Status, Event]
ACTIVE = (S.PREPARING, S.RUNNING, S.COLLECTING)

JOB = Machine(
    "job",
    [
        T(S.SUBMITTED, E.REFUSE, S.REFUSED, by="platform"),
        T(S.SUBMITTED, E.ASK_APPROVAL, S.AWAITING_APPROVAL, by="platform", only_if=("code_needs_approval",)),
        T(S.SUBMITTED, E.ENQUEUE, S.QUEUED, by="platform"),
        T(S.AWAITING_APPROVAL, E.APPROVE, S.QUEUED, by="approver", only_if=("not_own_work", "same_code_spec_environment")),
        T(S.AWAITING_APPROVAL, E.REFUSE, S.REFUSED, by="approver"),
        T(S.AWAITING_APPROVAL, E.CANCEL, S.CANCELLED, by="author"),
        T(S.AWAITING_APPROVAL, E.EXPIRE, S.EXPIRED, by="platform"),
        T(S.QUEUED, E.CLAIM, S.PREPARING, by="supervisor", only_if=("quota_free", "slot_free")),
        T(S.QUEUED, E.CANCEL, S.CANCELLED, by="author"),
        T(S.QUEUED, E.EXPIRE, S.EXPIRED, by="platform"),
        T(S.PREPARING, E.START, S.RUNNING, by="worker", only_if=("holds_token",)),
        T(S.RUNNING, E.COLLECT, S.COLLECTING, by="worker", only_if=("holds_token",)),
        T(S.COLLECTING, E.SUCCEED, S.SUCCEEDED, by="worker", only_if=("holds_token",)),
        *(T(state, E.FAIL, S.FAILED, by="worker", only_if=("holds_token",)) for state in ACTIVE),
        *(T(state, E.CANCEL, S.CANCELLED, by="author") for state in ACTIVE),
        *(T(state, E.LOSE, S.LOST, by="supervisor") for state in ACTIVE),
        T(S.LOST, E.RETRY, S.QUEUED, by="supervisor", only_if=("attempts_left",)),
        T(S.LOST, E.FAIL, S.FAILED, by="supervisor"),
        T(S.LOST, E.CANCEL, S.CANCELLED, by="author"),
    ],
)
ENDED = JOB.final_states()
