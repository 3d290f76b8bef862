"""One request and its answer: JSON or bytes in, JSON or bytes out, and the platform's refusals as the errors they were there."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any, Final

import httpx

from catalog import errors
from catalog.errors import BadInput, Broken, GloveboxError, NotSignedIn, Unavailable
from catalog.faults import FaultyInput
from catalog.messages import catalogue

PREFIX: Final = "/api/v1"
LONGEST_ANSWER: Final = 64 << 20  # bytes of JSON; packages are read by their own limit
LONGEST_DETAIL: Final = 500  # characters of a sentence that this client does not know

# What an answer may name: our own classes and nothing else.
CLASSES: Final[Mapping[str, type[GloveboxError]]] = {
    name: each for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, GloveboxError)
}


class Wire:
    """Speaks to one platform. ``http`` carries base address and transport; ``token`` is the session's, empty before signing in."""

    def __init__(self, http: httpx.Client, token: str = "") -> None:
        self._http = http
        self.token = token

    def json(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send ``body`` as JSON, return the answer's JSON (None when it has none). Raises as ``_answer``."""
        answer = self._send(method, path, query, json=body) if body is not None else self._send(method, path, query)
        return _document(answer) if answer.content else None

    def send(self, method: str, path: str, data: bytes, media_type: str, **query: Any) -> Any:
        """Send ``data`` as it is, return the answer's JSON."""
        answer = self._send(method, path, query, content=data, headers={"Content-Type": media_type})
        return _document(answer) if answer.content else None

    def bytes(self, path: str) -> bytes:
        """Fetch ``path`` as it is."""
        return self._send("GET", path, {}).content

    def _send(self, method: str, path: str, query: Mapping[str, Any], **request: Any) -> httpx.Response:
        headers = dict(request.pop("headers", {}))
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            answer = self._http.request(method, PREFIX + path, params=asked, headers=headers, **request)
        except httpx.HTTPError as error:
            raise Unavailable("client.unreachable", server=str(self._http.base_url), reason=type(error).__name__) from None
        if answer.is_success:
            return answer
        raise read_problem(answer)


def read_problem(answer: httpx.Response) -> GloveboxError:
    """The error that a ``problem+json`` answer describes, of its own class; Broken("client.unexpected_answer") for anything else."""
    try:
        problem = answer.json()
        code, params = problem["code"], dict(problem.get("params") or {})
        if not isinstance(code, str):
            raise TypeError(code)
    except (ValueError, TypeError, KeyError, AttributeError):
        return _unexpected(answer)
    known = CLASSES.get(str(problem.get("class", "")))
    if known is None:
        return _unexpected(answer)
    if code not in catalogue():  # a newer platform: let it speak for itself
        return known("client.server_says", code=code[:100], detail=str(problem.get("detail", ""))[:LONGEST_DETAIL])
    try:  # a file with many faults travels as BadInput; it shows all of them here too
        return FaultyInput(code, **params) if issubclass(known, BadInput) and "faults" in params else known(code, **params)
    except (TypeError, KeyError):
        return known(code, **params)


def _unexpected(answer: httpx.Response) -> GloveboxError:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return NotSignedIn("client.not_signed_in")
    return Broken("client.unexpected_answer", status=answer.status_code)


def _document(answer: httpx.Response) -> Any:
    if len(answer.content) > LONGEST_ANSWER:
        raise Broken("client.unexpected_answer", status=answer.status_code)
    try:
        return answer.json()
    except (JSONDecodeError, UnicodeDecodeError):
        raise Broken("client.unexpected_answer", status=answer.status_code) from None
