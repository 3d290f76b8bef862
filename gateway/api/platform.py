"""What the platform says of itself: keys to pin, where to seal uploads, whether it works, what its machine can do safely."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from catalog import clock
from gateway.api.doors import PlatformHere, PlatformSee, Public
from gateway.api.job_views import SUPERVISOR_SILENT_AFTER
from gateway.schemas.platform import Health, Reception
from jobs.store import jobs

router = APIRouter(tags=["platform"])


@router.get("/trust")
def trust(_: Public, platform: PlatformHere) -> dict[str, Any]:
    """The document a bank pins after comparing fingerprints over another channel."""
    return dict(platform.trust())


@router.get("/reception")
def reception(_: Public, platform: PlatformHere) -> Reception:
    return Reception(recipient=platform.reception_recipient)


@router.get("/health")
def health(_: Public, platform: PlatformHere) -> Health:
    """Says nothing of how much there is to do: anybody may ask, and the load is of others."""
    with platform.database.reading() as tx:
        alive = jobs.supervisor_alive(tx, clock.now() - SUPERVISOR_SILENT_AFTER)
    return Health(status="ok", supervisor_alive=alive)


@router.get("/doctor")
def doctor(_: PlatformSee, platform: PlatformHere) -> list[dict[str, Any]]:
    from gateway.doctor import examine  # looks at the machine when asked, not when the gateway starts

    return [finding.to_json() for finding in examine(platform.settings.home)]


@router.get("/openapi.json", include_in_schema=False)
def openapi(_: Public, request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document
