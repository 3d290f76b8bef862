"""The doors: one FastAPI application over a composed platform, for a server and, in the same process, for the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from catalog.errors import GloveboxError
from gateway import auth
from gateway.api import cohorts, data, jobs, keys, ledger, people, projects, releases, sessions
from gateway.api import platform as platform_routes
from gateway.console import pages
from gateway.console.rendering import error_page, is_console
from gateway.middleware import BodyLimit, ConstantHeaders, PlainAddress, SafetyNet
from gateway.ports import Platform
from gateway.problems import MEDIA_TYPE, asked_language, error_of, problem

PREFIX: Final = "/api/v1"
ROOMS: Final = (sessions, people, projects, data, cohorts, jobs, releases, keys, ledger, platform_routes)
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457, with the text in both languages. `class` is a class of the platform's exception tree.",
    "required": ["type", "title", "status", "code", "class", "detail", "detail_zh", "params"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "code", "class", "detail", "detail_zh")},
        "status": {"type": "integer"},
        "params": {"type": "object"},
    },
}
_PROBLEM: Final = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The request is wrong or refused; the text says what to do", **_PROBLEM},
    "5XX": {"description": "The platform failed; the text names the entry in its log", **_PROBLEM},
}


def create_app(platform: Platform) -> FastAPI:
    """The application. Nothing in it needs the lifespan to have started: the command line mounts it without a server."""
    # The usual documentation pages load scripts from elsewhere; the document itself is at /api/v1/openapi.json.
    app = FastAPI(
        title="Glovebox", version=_version(), docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan, responses=_PROBLEMS
    )
    app.state.platform = platform
    for room in ROOMS:
        app.include_router(room.router, prefix=PREFIX)
    app.include_router(pages.router)
    for each in (GloveboxError, RequestValidationError, HTTPException):
        app.add_exception_handler(each, _stopped)
    for layer in (BodyLimit, PlainAddress, SafetyNet, ConstantHeaders):  # the last one added is the outermost
        app.add_middleware(layer)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    auth.warm_up()
    return app


async def _stopped(request: Request, found: Exception) -> Response:
    error = error_of(request, found)
    return error_page(request, error) if is_console(request) else problem(error, asked_language(request))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.platform.database.close()


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        document["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        app.openapi_schema = document
    return app.openapi_schema


def _version() -> str:
    try:
        return version("glovebox")
    except PackageNotFoundError:
        return "0"
