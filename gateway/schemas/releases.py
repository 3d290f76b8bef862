"""Releases, votes and models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.schemas import Asked, Comment, Text, Told
from gateway.schemas.jobs import Why


class ReleaseBody(Asked):
    """``outputs``: names of the job's outputs, null for all that it declared for release."""

    outputs: list[str] | None = Field(default=None, max_length=16)
    reason: Comment = ""
    removal_allowed: bool = True


class ReasonBody(Asked):
    reason: Text = Field(max_length=2000)


class VoteBody(Asked):
    """``vote``: the JSON of a signed vote; the officer's own key signed it on the officer's side."""

    vote: dict[str, Any]
    comment: Comment = ""


class FindingTold(Told):
    """``value``, ``source`` and ``evidence`` are for reviewers only: to an author they would answer questions about rows."""

    file: str
    check: str
    title: str
    title_zh: str
    verdict: str
    limit: int | float | str | bool | None
    hard: bool
    fix_code: str
    fix: str
    fix_zh: str
    value: int | float | str | bool | None = None
    source: str | None = None
    evidence: dict[str, Any] | None = None


class VoteTold(Told):
    decision: str
    comment: str
    reviewer: str | None = None
    organisation: str | None = None


class ReleaseTold(Told):
    """``view``: ``author`` or ``reviewer``. ``files``: name → SHA-256, which an author is not told.

    ``codes``: for reviewers, the texts behind a model's code features, which leave with it.
    """

    view: str
    id: str
    number: int
    project_id: str
    organisation_id: str
    job_id: str
    author: str | None
    state: str
    round: int
    grade: int
    verdict: str | None
    files: dict[str, str | None]
    types: dict[str, str]
    findings: list[FindingTold]
    reasons: dict[str, str]
    votes: list[VoteTold]
    why: Why | None
    codes: dict[str, list[str]]
    recipient_fingerprint: str
    removal_allowed: bool
    requested_at: datetime
    approved_at: datetime | None
    released_at: datetime | None


class ModelTold(Told):
    """``bands``: how many there are."""

    id: str
    name: str
    organisation_id: str
    project_id: str
    algorithm: str
    features: list[str]
    bands: int
    release_id: str
    approved_at: datetime
    revoked_at: datetime | None
