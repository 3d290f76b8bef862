"""Releases: request, look, vote, explain, withdraw, revoke, download; and the models that were approved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from catalog.actors import Actor, OrganisationKind
from catalog.permissions import check_is_member
from catalog.store import projects
from gateway.api.bodies import check_plain
from gateway.api.doors import PlatformHere, ReleasesDownload, ReleasesRequest, ReleasesReview, ReleasesRevoke, ReleasesSee
from gateway.api.lookups import job_named, release_named
from gateway.data_zone.ballot import ballot as ballot_of
from gateway.ports import Platform
from gateway.release_views import release_told
from gateway.schemas.releases import ModelTold, ReasonBody, ReleaseBody, ReleaseTold, VoteBody
from sandbox.store import artefacts, releases

router = APIRouter(tags=["releases"])
PACKAGE = "application/octet-stream"


@router.post("/jobs/{job_id}/releases", status_code=201)
def request_release(actor: ReleasesRequest, platform: PlatformHere, job_id: str, body: ReleaseBody) -> ReleaseTold:
    """Ask for what a finished job declared for release. Its check starts at once."""
    with platform.database.reading() as tx:
        job = job_named(tx, actor, job_id)
        if job.project_id is not None:
            check_is_member(actor, projects.project_by_id(tx, job.project_id))
    receipt = platform.write(actor, "release.request", {"job_id": job_id, **body.model_dump()})
    return _shown(platform, actor, str(receipt["release_id"]))


@router.get("/releases")
def list_releases(actor: ReleasesSee, platform: PlatformHere) -> list[ReleaseTold]:
    """Newest first. A bank sees its own, without what a check measured."""
    with platform.database.reading() as tx:
        return [release_told(tx, actor, release) for release in releases.releases_where(tx, organisation_id=_own(actor))]


@router.get("/releases/{release_id}")
def show_release(actor: ReleasesSee, platform: PlatformHere, release_id: str) -> ReleaseTold:
    return _shown(platform, actor, release_id)


@router.get("/releases/{release_id}/ballot")
def ballot(actor: ReleasesReview, platform: PlatformHere, release_id: str) -> dict[str, Any]:
    """The facts an officer signs with their own key, on their own machine."""
    with platform.database.reading() as tx:
        return ballot_of(release_named(tx, actor, release_id))


@router.post("/releases/{release_id}/votes")
def vote(actor: ReleasesReview, platform: PlatformHere, release_id: str, body: VoteBody) -> ReleaseTold:
    check_plain(body.vote, "vote")
    return _moved(platform, actor, "release.vote", release_id, body.model_dump())


@router.post("/releases/{release_id}/resubmit")
def resubmit(actor: ReleasesRequest, platform: PlatformHere, release_id: str, body: ReasonBody) -> ReleaseTold:
    """A returned release goes to its checks again, with the author's answer."""
    return _moved(platform, actor, "release.resubmit", release_id, body.model_dump())


@router.post("/releases/{release_id}/explain")
def explain(actor: ReleasesRequest, platform: PlatformHere, release_id: str, body: ReasonBody) -> ReleaseTold:
    """The author's reason for findings that ask for review."""
    return _moved(platform, actor, "release.explain", release_id, body.model_dump())


@router.post("/releases/{release_id}/withdraw")
def withdraw(actor: ReleasesRequest, platform: PlatformHere, release_id: str) -> ReleaseTold:
    return _moved(platform, actor, "release.withdraw", release_id, {})


@router.post("/releases/{release_id}/revoke")
def revoke(actor: ReleasesRevoke, platform: PlatformHere, release_id: str, body: ReasonBody) -> ReleaseTold:
    """Ends further downloads, and the model's scoring, at once."""
    return _moved(platform, actor, "release.revoke", release_id, body.model_dump())


@router.get("/releases/{release_id}/package", response_class=Response, responses={200: {"content": {PACKAGE: {}}}})
def package(actor: ReleasesDownload, platform: PlatformHere, release_id: str) -> Response:
    """The signed package, sealed to the bank's key."""
    with platform.database.reading() as tx:
        number = release_named(tx, actor, release_id).number
    data = platform.package(actor, release_id)
    name = f"R-{number:06d}.gbx"
    return Response(data, media_type=PACKAGE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/models")
def models(actor: ReleasesSee, platform: PlatformHere) -> list[ModelTold]:
    with platform.database.reading() as tx:
        found = artefacts.models_of(tx, _own(actor))
    names = [name for name in ModelTold.model_fields if name not in ("features", "bands")]
    return [
        # ``bands`` are the edges between bands: one band more than edges.
        ModelTold(**{name: getattr(model, name) for name in names}, features=list(model.features), bands=len(model.bands) + 1)
        for model in found
    ]


def _own(actor: Actor) -> str | None:
    return actor.organisation_id if actor.organisation_kind is OrganisationKind.BANK else None


def _moved(platform: Platform, actor: Actor, kind: str, release_id: str, body: dict[str, Any]) -> ReleaseTold:
    with platform.database.reading() as tx:
        release_named(tx, actor, release_id)
    platform.write(actor, kind, {"release_id": release_id, **body})
    return _shown(platform, actor, release_id)


def _shown(platform: Platform, actor: Actor, release_id: str) -> ReleaseTold:
    with platform.database.reading() as tx:
        return release_told(tx, actor, release_named(tx, actor, release_id))
