"""The first pages: sign in, the list of releases with what the checks found, one release. They read and change nothing."""

from __future__ import annotations

from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from catalog.errors import NotSignedIn
from gateway import auth
from gateway.api.doors import PlatformHere, Public
from gateway.api.lookups import release_named
from gateway.console import release_pages
from gateway.console.rendering import language_of, page
from gateway.console.visitors import FORM, HOME, SESSION, OwnForm, ReleasesSee, Visitor, drop_cookie, new_form_secret, set_cookie

router = APIRouter(include_in_schema=False)
FORM_LASTS = 3600
STYLE = resources.files("gateway.console").joinpath("console.css").read_bytes()


@router.get("/")
@router.get(HOME)
def start(_: Public) -> Response:
    return RedirectResponse(f"{HOME}/releases", 303)


@router.get(f"{HOME}/console.css")
def stylesheet(_: Public) -> Response:
    return Response(STYLE, media_type="text/css")


@router.get(f"{HOME}/sign-in")
def sign_in_page(_: Public, request: Request) -> Response:
    secret = request.cookies.get(FORM) or new_form_secret()
    request.state.form_secret = secret
    response = page(request, "sign_in.html", failure=None, login="")
    set_cookie(request, response, FORM, secret, FORM_LASTS)
    return response


@router.post(f"{HOME}/sign-in")
def sign_in(
    _: Public,
    _form: OwnForm,
    request: Request,
    platform: PlatformHere,
    login: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    try:
        opened = auth.sign_in(platform.database, login, password)
    except NotSignedIn as failure:
        return page(request, "sign_in.html", failure.status, failure=failure.text(language_of(request)), login=login)
    response = RedirectResponse(f"{HOME}/releases", 303)
    set_cookie(request, response, SESSION, opened.token, int(auth.SESSION_LASTS.total_seconds()))
    drop_cookie(response, FORM)
    return response


@router.post(f"{HOME}/sign-out")
def sign_out(visitor: Visitor, _form: OwnForm, platform: PlatformHere) -> Response:
    auth.sign_out(platform.database, visitor)
    response = RedirectResponse(f"{HOME}/sign-in", 303)
    drop_cookie(response, SESSION)
    return response


@router.get(f"{HOME}/releases")
def releases_page(actor: ReleasesSee, request: Request, platform: PlatformHere) -> Response:
    with platform.database.reading() as tx:
        rows = release_pages.rows(tx, actor)
    return page(request, "releases.html", rows=rows, waiting=sum(row.waits for row in rows))


@router.get(f"{HOME}/releases/{{release_id}}")
def release_page(actor: ReleasesSee, request: Request, platform: PlatformHere, release_id: str) -> Response:
    with platform.database.reading() as tx:
        release = release_named(tx, actor, release_id)
        row = release_pages.row(tx, actor, release)
        history = release_pages.history(tx, actor, release)
    return page(request, "release.html", row=row, release=row.told, files=release_pages.files(row.told), history=history)
