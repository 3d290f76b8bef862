"""The platform inside this very process, for a machine where no server runs. It authenticates all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from catalog.errors import Unavailable


class MountedTransport(httpx.BaseTransport):
    """Carries each request into an ASGI application, without a socket."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._carry(request))

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        content = request.read()
        inside = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        answer = await self._inner.handle_async_request(inside)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)


@contextmanager
def mounted(home: Path) -> Iterator[MountedTransport]:
    """The transport to the platform of ``home``. Raises Unavailable("client.server_extra") in a base install."""
    try:
        from gateway.app import create_app
        from gateway.composition import build_platform
    except ModuleNotFoundError as error:
        raise Unavailable("client.server_extra", module=error.name) from None
    platform = build_platform(home)
    try:
        yield MountedTransport(create_app(platform))
    finally:
        platform.database.close()
