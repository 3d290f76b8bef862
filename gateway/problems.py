"""The one place where an error becomes an HTTP answer: problem+json (RFC 9457) with its text in both languages.

Whatever is not a GloveboxError answers with an opaque number; its text, which may quote a row, goes nowhere.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from catalog import errors
from catalog.errors import BadInput, Broken, GloveboxError, Misuse, NotFound
from catalog.faults import Fault, FaultyInput
from catalog.identifiers import new_id
from catalog.messages import Language, render
from gateway.api.bodies import limit_for

log = logging.getLogger("glovebox.gateway")

MEDIA_TYPE: Final = "application/problem+json"
TOO_LARGE: Final = "gateway.body_too_large"
NO_SUCH_METHOD: Final = "gateway.no_such_method"
# Two answers have a status of their own, because HTTP has one for exactly them.
_STATUS_OF_CODE: Final = {TOO_LARGE: 413, NO_SUCH_METHOD: 405}
_NAME = re.compile(r"[A-Za-z0-9_\-\[\]]{1,64}")
_CHOICES: Final = frozenset({"enum", "literal_error"})
_EXPECTED: Final = {"missing": "gateway.field_missing", "extra_forbidden": "gateway.field_unknown"}


def problem(error: GloveboxError, language: Language = "en", **headers: str) -> Response:
    """The answer for ``error``. ``language`` chooses the title and which text stands first; both are always there."""
    status, body = _STATUS_OF_CODE.get(error.code, error.status), describe(error, language)
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    content = json.dumps(body, ensure_ascii=False, default=str).encode()
    return Response(content, status, {"Content-Language": language, **headers}, MEDIA_TYPE)


def describe(error: GloveboxError, language: Language = "en") -> dict[str, Any]:
    """``{type, title, status, code, class, detail, detail_zh, params}``; ``class`` is the nearest one of the exception tree."""
    name = next(cls.__name__ for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls)
    texts = {"detail": error.text("en"), "detail_zh": error.text("zh")}
    if language == "zh":
        texts = dict(reversed(texts.items()))
    return {
        "type": f"urn:glovebox:problem:{error.code}",
        "title": render(f"problem.{name}", {}, language),
        **texts,
        "status": _STATUS_OF_CODE.get(error.code, error.status),
        "code": error.code,
        "class": name,
        "params": error.params,
    }


def language_of(accept_language: str | None) -> Language:
    """Chinese when the header ranks it before English, else English."""
    best: tuple[float, Language] = (0.0, "en")
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            rank = float(quality) if quality else 1.0
        except ValueError:
            continue
        primary = tag.lower().partition("-")[0]
        if rank > best[0] and primary in ("en", "zh"):
            best = (rank, "zh" if primary == "zh" else "en")
    return best[1]


def asked_language(request: Request) -> Language:
    return language_of(request.headers.get("accept-language"))


def unexpected(error: BaseException) -> Broken:
    """Log where an unforeseen error came from, without its text, under the number that the answer shows."""
    number = new_id("err")
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    log.error("%s: %s at %s", number, type(error).__name__, places)
    return Broken("gateway.unexpected", number=number)


def error_of(request: Request, found: Exception) -> GloveboxError:
    """The platform's own word for what stopped a request: its own errors as they are, and the framework's."""
    match found:
        case GloveboxError():
            return found
        case RequestValidationError():
            return _faulty(found.errors())
        case HTTPException(status_code=404):
            return NotFound("gateway.no_such_path")
        case HTTPException(status_code=405):
            return Misuse(NO_SUCH_METHOD)
        case HTTPException(status_code=413):
            return BadInput(TOO_LARGE, limit=limit_for(request.method, request.url.path))
        case HTTPException():
            return BadInput("gateway.unreadable")
    return unexpected(found)


def _faulty(found: Sequence[Mapping[str, Any]]) -> FaultyInput:
    """Where and what, never the value: it may be a password or a row."""
    faults = [_fault(each) for each in found]
    return FaultyInput("gateway.request_invalid", faults=[fault.to_json() for fault in faults])


def _fault(found: Mapping[str, Any]) -> Fault:
    where = ".".join(str(part) if _NAME.fullmatch(str(part)) else "?" for part in found["loc"])
    context = found.get("ctx", {})
    bounds = [f"{name.replace('_', ' ')} {context[name]}" for name in ("min_length", "max_length", "ge", "le") if name in context]
    kind = str(found["type"])
    if kind in _CHOICES and "expected" in context:  # the schema's own words, never what was sent
        bounds = ["one of: " + str(context["expected"]).replace("'", "").replace(" or ", ", ")]
    return Fault(_EXPECTED.get(kind, "gateway.field_wrong"), where, {"expected": ", ".join(bounds) or kind.replace("_", " ")})
