"""A bank's cohorts, its models, and scoring one with the other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import BadInput
from gateway.cli import connection, watching
from gateway.cli.output import AsJson, show_list, show_one
from gateway.client.project_files import FILE, read_project_file
from gateway.client.uploads import seal_file
from jobs.spec import JobSpec

ProjectOption = Annotated[str, typer.Option("--project", help=f"Name or id. Default: the project of ./{FILE}.")]
Watch = Annotated[bool, typer.Option("--watch", help="Stay until the job has ended.")]


def register(app: typer.Typer) -> None:
    cohorts = typer.Typer(help="A bank's cohorts (样本), sealed before they leave this machine.", no_args_is_help=True)
    cohorts.command("upload")(upload)
    cohorts.command("list")(list_cohorts)
    app.add_typer(cohorts, name="cohort")
    models = typer.Typer(help="Approved models (模型) of your bank.", no_args_is_help=True)
    models.command("list")(list_models)
    app.add_typer(models, name="model")
    app.command("score")(score)


def project_name(project: str) -> str:
    """``project``, or the one that ./glovebox.yaml names. Raises BadInput("cli.which_project")."""
    if project:
        return project
    if not Path(FILE).is_file():
        raise BadInput("cli.which_project")
    return read_project_file(Path(FILE)).project


def upload(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: row_id, identifier, observation_date, perhaps label.")],
    dataset: Annotated[str, typer.Option(help="The register that identifies the subjects.")],
    name: Annotated[str, typer.Option(help="Default: the file's name.")] = "",
    project: ProjectOption = "",
    as_json: AsJson = False,
) -> None:
    """Upload a cohort, sealed here to the platform: identifiers are matched inside."""
    with connection.signed_in() as client:
        sealed = seal_file(file, client.reception())
        show_one(client.upload_cohort(project_name(project), name or file.stem, dataset, sealed), as_json)


def list_cohorts(project: ProjectOption = "", as_json: AsJson = False) -> None:
    """Cohorts of a project, with their match rates in whole per cent."""
    with connection.signed_in() as client:
        rows = client.cohorts(project_name(project))
    show_list(rows, ("id", "name", "version", "status", "rows", "match_rate", "labelled", "why"), as_json)


def list_models(as_json: AsJson = False) -> None:
    """Models that were approved."""
    with connection.signed_in() as client:
        show_list(client.models(), ("id", "name", "algorithm", "bands", "approved_at", "revoked_at"), as_json)


def score(
    model: Annotated[str, typer.Argument(help="A model's id, or its name when only one has it.")],
    cohort: Annotated[str, typer.Argument(help="The name of an uploaded cohort.")],
    project: ProjectOption = "",
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Score a cohort with an approved model (评分): bands come back as a release."""
    with connection.signed_in() as client:
        chosen = _model(client.models(), model)
        spec = JobSpec("score", "score", inputs={"model": chosen["id"], "cohort": cohort})
        job = client.submit(project or chosen["project_id"], spec.to_json())
        watching.finish(client, [job], watch, as_json)


def _model(models: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    found = [model for model in models if model["id"] == wanted] or [
        model for model in models if model["name"] == wanted and not model.get("revoked_at")
    ]
    if len(found) != 1:
        raise BadInput("cli.which_model", model=wanted, found=len(found))
    return found[0]
