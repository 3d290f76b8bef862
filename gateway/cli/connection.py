"""Which platform a command speaks to: the one named, the session's, the one serving this home, or this home itself in-process.

A server that was named is never replaced by another: its token and its passwords go nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import httpx

from catalog.errors import BadInput, NotSignedIn
from catalog.settings import SETTINGS_FILE, home_from_environment
from gateway.client import session
from gateway.client.api import GloveboxClient
from gateway.client.wire import PREFIX

ADDRESS_FILE = "server.json"  # in the home, written by ``serve`` while it answers
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 300.0  # an intake's or a check's answer is a receipt; packages may be large
LOOK_SECONDS = 1.0
MOUNTED_ADDRESS = "http://in-process"

_chosen: ContextVar[str] = ContextVar("server", default="")


def choose_server(address: str) -> None:
    """The server named on the command line or by GLOVEBOX_SERVER. Raises BadInput("client.bad_address")."""
    if address:
        check_address(address)
    _chosen.set(address.rstrip("/"))


def chosen_server() -> str:
    """The server named for this command, empty for none."""
    return _chosen.get()


def check_address(address: str) -> None:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise BadInput("client.bad_address") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise BadInput("client.bad_address")
    if url.scheme == "http" and url.host not in ("127.0.0.1", "localhost", "::1"):
        raise BadInput("client.plain_http", host=url.host)


@contextmanager
def signed_in() -> Iterator[GloveboxClient]:
    """A client with the session's token. Raises NotSignedIn("client.not_signed_in") without one."""
    kept = session.load()
    if kept is None or (_chosen.get() and kept.server != _chosen.get()):
        raise NotSignedIn("client.not_signed_in")
    with opened(server_address(kept)) as http:
        yield GloveboxClient(http, kept.token)


@contextmanager
def anonymous() -> Iterator[GloveboxClient]:
    """A client without a session, for what anybody may ask."""
    with opened(server_address(session.load())) as http:
        yield GloveboxClient(http)


def server_address(kept: session.Session | None) -> str:
    """The address to speak to, ``IN_PROCESS`` to mount this machine's own. Raises BadInput("client.no_server")."""
    if _chosen.get():
        return _chosen.get()
    if kept is not None and kept.server != session.IN_PROCESS:
        return kept.server
    home = home_from_environment()
    if not (home / SETTINGS_FILE).is_file():
        raise BadInput("client.no_server", home=str(home))
    return _serving(home) or session.IN_PROCESS


@contextmanager
def opened(address: str) -> Iterator[httpx.Client]:
    """An HTTP client for ``address``; redirects are not followed, so that a token stays with its server."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    if address != session.IN_PROCESS:
        with httpx.Client(base_url=address, timeout=timeout) as http:
            yield http
        return
    from gateway.cli.mounting import mounted

    with mounted(home_from_environment()) as transport, httpx.Client(base_url=MOUNTED_ADDRESS, transport=transport) as http:
        yield http


def _serving(home: Path) -> str:
    """The address of the server of ``home`` when it answers, else nothing."""
    try:
        address = str(json.loads((home / ADDRESS_FILE).read_text("utf-8"))["address"])
        answer = httpx.get(f"{address}{PREFIX}/health", timeout=LOOK_SECONDS)
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError, httpx.InvalidURL):
        return ""
    return address if answer.is_success else ""
