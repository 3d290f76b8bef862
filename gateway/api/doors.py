"""Each permission as a type that stands in a route's signature: ``actor: JobsSubmit`` is the check and its documentation.

A route without one of these types, or ``Public``, fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from catalog.actors import Actor
from catalog.errors import NotPermitted, NotSignedIn
from catalog.permissions import Permission, check_may
from gateway import auth
from gateway.auth import SignedIn
from gateway.ports import Platform

# What each door asks, by the function that guards it; None for the public door. The test of all routes reads it.
GUARDS: Final[dict[Callable[..., Any], Permission | None]] = {}

_Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False, description="A token of POST /session"))]


def platform_of(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


PlatformHere = Annotated[Platform, Depends(platform_of)]


def own_session(platform: PlatformHere, bearer: _Bearer) -> SignedIn:
    """The caller, even with a password that somebody else chose. Raises NotSignedIn."""
    if bearer is None:
        raise NotSignedIn("gateway.not_signed_in")
    found = auth.who(platform.database, bearer.credentials)
    check_may(found.actor, Permission.SIGN_IN_ONLY)
    return found


def anybody() -> None:
    """Public: what this route says is for everybody."""


def admit(signed_in: SignedIn, permission: Permission) -> Actor:
    """Raises NotPermitted: the password is somebody else's choice, or the role is missing."""
    if signed_in.user.must_change_password:
        raise NotPermitted("gateway.change_password_first")
    check_may(signed_in.actor, permission)
    return signed_in.actor


def needs(permission: Permission) -> Callable[[SignedIn], Actor]:
    """A guard that returns the actor, or raises NotSignedIn or NotPermitted."""

    def guard(signed_in: Annotated[SignedIn, Depends(own_session)]) -> Actor:
        return admit(signed_in, permission)

    GUARDS[guard] = permission
    return guard


GUARDS[anybody] = None
GUARDS[own_session] = Permission.SIGN_IN_ONLY

Public = Annotated[None, Depends(anybody)]
OwnSession = Annotated[SignedIn, Depends(own_session)]

P = Permission
SignedInOnly = Annotated[Actor, Depends(needs(P.SIGN_IN_ONLY))]
OrganisationsManage = Annotated[Actor, Depends(needs(P.ORGANISATIONS_MANAGE))]
UsersManage = Annotated[Actor, Depends(needs(P.USERS_MANAGE))]
RolesManage = Annotated[Actor, Depends(needs(P.ROLES_MANAGE))]
ProjectsManage = Annotated[Actor, Depends(needs(P.PROJECTS_MANAGE))]
ProjectsSee = Annotated[Actor, Depends(needs(P.PROJECTS_SEE))]
GrantsManage = Annotated[Actor, Depends(needs(P.GRANTS_MANAGE))]
ContractsManage = Annotated[Actor, Depends(needs(P.CONTRACTS_MANAGE))]
DatasetsSee = Annotated[Actor, Depends(needs(P.DATASETS_SEE))]
IntakeRun = Annotated[Actor, Depends(needs(P.INTAKE_RUN))]
ConsentsManage = Annotated[Actor, Depends(needs(P.CONSENTS_MANAGE))]
CohortsUpload = Annotated[Actor, Depends(needs(P.COHORTS_UPLOAD))]
JobsSubmit = Annotated[Actor, Depends(needs(P.JOBS_SUBMIT))]
JobsCancel = Annotated[Actor, Depends(needs(P.JOBS_CANCEL))]
JobsSee = Annotated[Actor, Depends(needs(P.JOBS_SEE))]
JobsApprove = Annotated[Actor, Depends(needs(P.JOBS_APPROVE))]
ReleasesRequest = Annotated[Actor, Depends(needs(P.RELEASES_REQUEST))]
ReleasesSee = Annotated[Actor, Depends(needs(P.RELEASES_SEE))]
ReleasesReview = Annotated[Actor, Depends(needs(P.RELEASES_REVIEW))]
ReleasesRevoke = Annotated[Actor, Depends(needs(P.RELEASES_REVOKE))]
ReleasesDownload = Annotated[Actor, Depends(needs(P.RELEASES_DOWNLOAD))]
KeysRegister = Annotated[Actor, Depends(needs(P.KEYS_REGISTER))]
KeysConfirm = Annotated[Actor, Depends(needs(P.KEYS_CONFIRM))]
LedgerSee = Annotated[Actor, Depends(needs(P.LEDGER_SEE))]
PlatformSee = Annotated[Actor, Depends(needs(P.PLATFORM_SEE))]
