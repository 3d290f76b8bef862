"""Projects, and what each was granted: no purpose, legal basis or assessment, no project; no grant, no field."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import connection
from gateway.cli.output import AsJson, show_list, show_one

Expires = Annotated[str, typer.Option("--expires", help="A day (2027-01-31) or an instant with its zone.")]


def register(app: typer.Typer) -> None:
    projects = typer.Typer(help="Modelling projects (建模项目) of banks.", no_args_is_help=True)
    projects.command("add")(add_project)
    projects.command("list")(list_projects)
    projects.command("show")(show_project)
    projects.command("close")(close_project)
    app.add_typer(projects, name="project")
    grants = typer.Typer(help="Fields granted (授权字段) to projects.", no_args_is_help=True)
    grants.command("add")(add_grant)
    grants.command("list")(list_grants)
    grants.command("revoke")(revoke_grant)
    app.add_typer(grants, name="grant")


def add_project(
    name: str,
    organisation: Annotated[str, typer.Option(help="The bank.")],
    purpose: Annotated[str, typer.Option(help="What the data is for (目的).")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Why it is lawful (法律依据).")],
    impact_assessment: Annotated[str, typer.Option("--impact-assessment", help="Number of the impact assessment (影响评估).")],
    expires: Expires,
    member: Annotated[list[str], typer.Option("--member", help="A member's login; several times.")],
    scenario: Annotated[str, typer.Option(help="The use case.")] = "modelling",
    code_approval: Annotated[str, typer.Option("--code-approval", help="none, first or every")] = "first",
    as_json: AsJson = False,
) -> None:
    """Add a project for a bank."""
    body = {
        "organisation_id": organisation,
        "name": name,
        "purpose": purpose,
        "legal_basis": legal_basis,
        "impact_assessment": impact_assessment,
        "scenario": scenario,
        "expires_at": expires,
        "members": member,
        "code_approval": code_approval,
    }
    with connection.signed_in() as client:
        show_one(client.add_project(body), as_json)


def list_projects(as_json: AsJson = False) -> None:
    """Projects you may see."""
    with connection.signed_in() as client:
        show_list(client.projects(), ("id", "name", "organisation_id", "purpose", "expires_at", "closed_at"), as_json)


def show_project(project: str, as_json: AsJson = False) -> None:
    """One project, by name or id."""
    with connection.signed_in() as client:
        show_one(client.project(project), as_json)


def close_project(project: str, as_json: AsJson = False) -> None:
    """Close a project: nothing runs in it any more."""
    with connection.signed_in() as client:
        show_one(client.close_project(project), as_json)


def add_grant(
    project: str,
    dataset: str,
    expires: Expires,
    field: Annotated[list[str] | None, typer.Option("--field", help="A field; several times. Default: all that can be granted.")] = None,
    as_json: AsJson = False,
) -> None:
    """Grant fields of a dataset to a project."""
    with connection.signed_in() as client:
        show_one(client.add_grant(project, dataset, field or ["*"], expires), as_json)


def list_grants(project: str, as_json: AsJson = False) -> None:
    """What a project was granted."""
    with connection.signed_in() as client:
        show_list(client.grants(project), ("id", "dataset", "fields", "expires_at", "revoked_at"), as_json)


def revoke_grant(grant_id: str, as_json: AsJson = False) -> None:
    """Take a grant back."""
    with connection.signed_in() as client:
        show_one(client.revoke_grant(grant_id), as_json)
