"""Templates and the few ways a value is written: instants with their zone, counts with separators, verdicts with their shape."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from catalog import clock
from catalog.errors import GloveboxError, NotSignedIn
from catalog.messages import Language, catalogue, render
from gateway.client.findings import found_words, limit_words
from gateway.console.visitors import HOME, form_token, set_cookie
from gateway.problems import asked_language

LANGUAGE: Final = "glovebox_language"
LANGUAGE_LASTS: Final = 365 * 24 * 3600
SHAPES: Final = {"pass": "✓", "review": "●", "block": "■"}
SHOWN_OF_HASH: Final = 12


def is_console(request: Request) -> bool:
    path = request.url.path
    return path == HOME or path.startswith(f"{HOME}/")


def language_of(request: Request) -> Language:
    """The visitor's choice, else what the browser prefers."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(LANGUAGE)):
        if chosen in ("en", "zh"):
            return cast(Language, chosen)
    return asked_language(request)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    language = language_of(request)

    def say(code: str, **params: object) -> str:
        return render(f"console.{code}", params, language)

    def word(kind: str, name: str) -> str:
        """The word for a state, a type or an action; its own name when the catalogue has none."""
        code = f"console.{kind}.{name}"
        return render(code, {}, language) if code in catalogue() else name

    def choose(english: str, chinese: str) -> str:
        return chinese if language == "zh" else english

    visitor = getattr(request.state, "visitor", None)
    values |= {"say": say, "word": word, "choose": choose, "language": language, "visitor": visitor, "path": request.url.path}
    html = _environment().get_template(template).render(form_token=form_token(request), **values)
    response = HTMLResponse(html, status, {"Content-Language": language})
    if request.query_params.get("lang") == language:
        set_cookie(request, response, LANGUAGE, language, LANGUAGE_LASTS)
    return response


def error_page(request: Request, error: GloveboxError) -> Response:
    """The refusal as a page; who is not signed in is asked to."""
    if isinstance(error, NotSignedIn):
        return RedirectResponse(f"{HOME}/sign-in", 303)
    language = language_of(request)
    title = render(f"problem.{_known(error)}", {}, language)
    return page(request, "error.html", error.status, title=title, detail=error.text(language))


def _known(error: GloveboxError) -> str:
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == GloveboxError.__module__)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"instant": instant, "value": value, "short": short}
    environment.globals |= {"shapes": SHAPES, "found_words": found_words, "limit_words": limit_words}
    return environment


def instant(at: datetime) -> Markup:
    """Local time of the platform with its offset, to the minute."""
    local = at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}">{} <span class="zone">+08:00</span></time>').format(clock.to_iso(at), local)


def value(found: object) -> str:
    """A figure of a check: at most four significant digits, thousands apart."""
    match found:
        case None:
            return "–"
        case bool():
            return "✓" if found else "✗"
        case int():
            return f"{found:,}"
        case float():
            return f"{found:,.4g}"
    return str(found)


def short(digest: str) -> Markup:
    """The first twelve characters of a hash; the whole of it on hovering."""
    return Markup('<code title="{}">{}</code>').format(digest, digest[:SHOWN_OF_HASH])
