"""Signing in and out, and choosing one's own password."""

from __future__ import annotations

from fastapi import APIRouter

from gateway import auth
from gateway.api.doors import OwnSession, PlatformHere, Public
from gateway.auth import OpenedSession
from gateway.schemas.people import PasswordChange, SessionTold, SignIn, UserTold, WhoAmI

router = APIRouter(tags=["session"])


@router.post("/session")
def sign_in(_: Public, platform: PlatformHere, body: SignIn) -> SessionTold:
    """Open a session of 12 hours. Five wrong passwords lock the account for 15 minutes."""
    return _told(auth.sign_in(platform.database, body.login, body.password))


@router.get("/session")
def who_am_i(caller: OwnSession) -> WhoAmI:
    kind = caller.actor.organisation_kind
    return WhoAmI(user=UserTold.of(caller.user), organisation_kind=kind, must_change_password=caller.user.must_change_password)


@router.delete("/session", status_code=204)
def sign_out(caller: OwnSession, platform: PlatformHere) -> None:
    auth.sign_out(platform.database, caller)


@router.post("/session/password")
def change_password(caller: OwnSession, platform: PlatformHere, body: PasswordChange) -> SessionTold:
    """Ends all sessions of the user; the answer opens a new one."""
    return _told(auth.change_password(platform.database, caller, body.old, body.new))


def _told(opened: OpenedSession) -> SessionTold:
    user = opened.user
    must_change = user.must_change_password
    return SessionTold(token=opened.token, expires_at=opened.expires_at, user=UserTold.of(user), must_change_password=must_change)
