"""Who looks at a page: a session in a cookie that no script and no other site can use, and a token that every form must carry."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request
from starlette.responses import Response

from catalog.actors import Actor
from catalog.errors import NotPermitted, NotSignedIn
from catalog.permissions import Permission
from gateway import auth
from gateway.api.doors import GUARDS, PlatformHere, admit
from gateway.auth import SignedIn

SESSION, FORM = "glovebox_session", "glovebox_form"
HOME: Final = "/console"


def visitor(request: Request, platform: PlatformHere) -> SignedIn:
    """Raises NotSignedIn without a live session."""
    token = request.cookies.get(SESSION)
    if not token:
        raise NotSignedIn("gateway.not_signed_in")
    found = auth.who(platform.database, token)
    request.state.visitor = found
    return found


def needs(permission: Permission) -> Callable[[SignedIn], Actor]:
    """The same permission as the interface's, asked of the cookie's session."""

    def guard(found: Annotated[SignedIn, Depends(visitor)]) -> Actor:
        return admit(found, permission)

    GUARDS[guard] = permission
    return guard


GUARDS[visitor] = Permission.SIGN_IN_ONLY
Visitor = Annotated[SignedIn, Depends(visitor)]
ReleasesSee = Annotated[Actor, Depends(needs(Permission.RELEASES_SEE))]


def form_token(request: Request) -> str:
    """What a form on this visitor's pages carries; bound to the session, before signing in to a cookie of its own."""
    made_now: str = getattr(request.state, "form_secret", "")
    secret = made_now or request.cookies.get(SESSION) or request.cookies.get(FORM) or ""
    return hmac.new(secret.encode(), b"glovebox/form", hashlib.sha256).hexdigest() if secret else ""


def _check_form(request: Request, token: Annotated[str, Form(max_length=128)] = "") -> None:
    """Raises NotPermitted for a form that no page of this visitor made."""
    expected = form_token(request)
    if not expected or not hmac.compare_digest(expected.encode(), token.encode()):
        raise NotPermitted("gateway.form_expired")


OwnForm = Annotated[None, Depends(_check_form)]


def new_form_secret() -> str:
    return secrets.token_urlsafe(32)


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    common: dict[str, Any] = {"path": HOME, "httponly": True, "samesite": "strict", "secure": request.url.scheme == "https"}
    response.set_cookie(name, value, max_age=seconds, **common)


def drop_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path=HOME, httponly=True, samesite="strict")
