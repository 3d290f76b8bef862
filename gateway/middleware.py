"""What surrounds every request: headers that never change, a limit on the body, and the net under unforeseen errors."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.errors import BadInput, NotFound
from gateway.api.bodies import limit_for
from gateway.problems import TOO_LARGE, asked_language, problem, unexpected

HEARD_OUT_BYTES: Final = 16 << 20  # of a body that is refused for its size: read, and thrown away

# No script at all, nothing from elsewhere, no frame. Answers are about one person: nobody may keep them.
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class ConstantHeaders:
    """Adds ``HEADERS`` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)


class SafetyNet:
    """Answers an unforeseen error with its number only. What was raised goes no further: a server would print its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            failed = unexpected(error)
            if started:
                raise failed from None
            await problem(failed, asked_language(Request(scope)))(scope, receive, send)


class PlainAddress:
    """No thing's name holds a zero byte, and PostgreSQL cannot even be asked for one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "\0" in scope["path"]:
            await problem(NotFound("gateway.no_such_path"), asked_language(Request(scope)))(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _hear_out(receive: Receive, announced: int) -> None:
    """Let a sender of a moderate surplus finish, keeping none of it: whoever is cut off while sending never reads the answer."""
    heard = 0
    while announced <= HEARD_OUT_BYTES:
        message = await receive()
        heard += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False) or heard > announced:
            return


class BodyLimit:
    """Stops reading at the address's limit: a stranger's upload fills neither memory nor disk."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, seen = limit_for(scope["method"], scope["path"]), 0
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await _hear_out(receive, int(announced))
            refusal = problem(BadInput(TOO_LARGE, limit=limit), asked_language(Request(scope)), Connection="close")
            await refusal(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
