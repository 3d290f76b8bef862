"""Organisations (banks, departments, the operator) and their people."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.actors import Role
from gateway.cli import connection
from gateway.cli.output import AsJson, note, show_list, show_one

GivenAtOnce = Annotated[
    list[str] | None,
    typer.Option("--role", help="May be given several times. Officers, auditors and security administrators: `user roles`, later."),
]
Roles = Annotated[list[str], typer.Option("--role", help=f"May be given several times. One of: {', '.join(Role)}.")]


def register(app: typer.Typer) -> None:
    tenants = typer.Typer(help="Organisations (机构): banks, departments, the operator.", no_args_is_help=True)
    tenants.command("add")(add_tenant)
    tenants.command("list")(list_tenants)
    app.add_typer(tenants, name="tenant")
    users = typer.Typer(help="People (用户) and their roles.", no_args_is_help=True)
    users.command("add")(add_user)
    users.command("list")(list_users)
    users.command("roles")(set_roles)
    users.command("disable")(disable_user)
    users.command("enable")(enable_user)
    app.add_typer(users, name="user")


def add_tenant(
    tenant: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str, typer.Option(help="bank (银行), department (部门) or operator (运营方)")],
    name_zh: Annotated[str, typer.Option("--name-zh", help="Name in Chinese.")],
    name_en: Annotated[str, typer.Option("--name-en", help="Name in English.")],
    as_json: AsJson = False,
) -> None:
    """Add an organisation."""
    with connection.signed_in() as client:
        show_one(client.add_organisation({"id": tenant, "kind": kind, "name_zh": name_zh, "name_en": name_en}), as_json)


def list_tenants(as_json: AsJson = False) -> None:
    """Organisations you may see."""
    with connection.signed_in() as client:
        show_list(client.organisations(), ("id", "kind", "name_zh", "name_en"), as_json)


def add_user(
    login: str,
    organisation: Annotated[str, typer.Option(help="The one organisation this person belongs to.")],
    role: GivenAtOnce = None,
    name: Annotated[str, typer.Option(help="The person's name. Default: the login.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a person; prints a one-time password (一次性口令), once."""
    with connection.signed_in() as client:
        user = {"login": login, "name": name or login, "organisation_id": organisation, "roles": role or []}
        show_one(client.add_user(user), as_json)
    note("cli.one_time_password")


def list_users(as_json: AsJson = False) -> None:
    """People and their roles."""
    with connection.signed_in() as client:
        show_list(client.users(), ("login", "name", "organisation_id", "roles", "disabled"), as_json)


def set_roles(login: str, role: Roles, as_json: AsJson = False) -> None:
    """Replace a person's roles."""
    with connection.signed_in() as client:
        show_one(client.set_roles(login, role), as_json)


def disable_user(login: str, as_json: AsJson = False) -> None:
    """Shut a person out: signed out everywhere, no sign-in."""
    with connection.signed_in() as client:
        show_one(client.set_disabled(login, True), as_json)


def enable_user(login: str, as_json: AsJson = False) -> None:
    """Let a disabled person in again."""
    with connection.signed_in() as client:
        show_one(client.set_disabled(login, False), as_json)
