"""Signing in and out. The token stays in a private file; a password is never an argument."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli import asking, connection
from gateway.cli.output import AsJson, note, say, show_json, show_one, show_sentence
from gateway.client import session
from gateway.client.api import GloveboxClient


def register(app: typer.Typer) -> None:
    app.command()(login)
    app.command()(logout)
    app.command()(whoami)
    app.command("password")(change_password)


def login(name: Annotated[str, typer.Argument(metavar="LOGIN")], as_json: AsJson = False) -> None:
    """Sign in (登录). The password comes from GLOVEBOX_PASSWORD or a prompt."""
    kept = session.load()
    with connection.opened(connection.server_address(kept)) as http:
        answer = GloveboxClient(http).sign_in(name, asking.password())
    _keep(answer, name, kept)
    told = {key: value for key, value in answer.items() if key != "token"}
    if as_json:
        show_json(told)
    else:
        say("cli.signed_in", login=name, expires=answer["expires_at"])
    if answer.get("must_change_password"):
        note("cli.must_change_password")


def logout(as_json: AsJson = False) -> None:
    """End the session here and on the platform (退出)."""
    try:
        with connection.signed_in() as client:
            client.sign_out()
    finally:
        session.forget()
    show_one(None, as_json)


def whoami(as_json: AsJson = False) -> None:
    """Who is signed in, with organisation and roles."""
    with connection.signed_in() as client:
        found = client.who_am_i()
    user = found["user"]
    told = {"login": user["login"], "organisation": user["organisation_id"], "roles": ", ".join(user["roles"])}
    show_sentence(found, as_json, "cli.who", **told)


def change_password(as_json: AsJson = False) -> None:
    """Change your password (修改口令): GLOVEBOX_PASSWORD and GLOVEBOX_NEW_PASSWORD, or prompts."""
    kept = session.load()
    with connection.signed_in() as client:
        answer = client.change_password(asking.password(), asking.password(new=True))
    if answer and "token" in answer and kept is not None:
        _keep(answer, kept.login, kept)
    if as_json:
        show_json(None)
    else:
        say("cli.password_changed")


def _keep(answer: dict[str, Any], name: str, kept: session.Session | None) -> None:
    """Kept is the server that was named, never the passing address of this home's own server."""
    server = connection.chosen_server() or (kept.server if kept is not None else session.IN_PROCESS)
    session.save(session.Session(server, name, answer["token"], answer["expires_at"]))
