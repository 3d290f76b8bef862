"""Submitting steps of a project file, and looking after jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import PolicyRefusal
from gateway.cli import connection, watching
from gateway.cli.cohorts import Watch
from gateway.cli.output import AsJson, clean, show_list, show_one
from gateway.client.api import GloveboxClient
from gateway.client.project_files import FILE, Submission, read_project_file, submissions


def register(app: typer.Typer) -> None:
    app.command("submit")(submit)
    jobs = typer.Typer(help="Jobs (作业): what ran, what waits and why.", no_args_is_help=True)
    jobs.command("list")(list_jobs)
    jobs.command("show")(show)
    jobs.command("watch")(watch_job)
    jobs.command("code")(show_code)
    for step, command in (("cancel", cancel), ("approve", approve), ("refuse", refuse)):
        jobs.command(step)(command)
    app.add_typer(jobs, name="job")


def submit(
    step: Annotated[str | None, typer.Argument(help="Default: every step, each after those it needs.")] = None,
    file: Annotated[Path, typer.Option("--file", "-f", help="The project file.")] = Path(FILE),
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Submit a step of glovebox.yaml (提交) with the code it names."""
    project, wanted = read_project_file(file).project, submissions(file, step)
    done: dict[str, dict[str, Any]] = {}
    with connection.signed_in() as client:
        for each in wanted:
            _wait_for(client, each, done)
            done[each.spec.step] = client.submit(project, each.spec.to_json(), each.code)
        watching.finish(client, list(done.values()), watch, as_json)


def _wait_for(client: GloveboxClient, wanted: Submission, done: dict[str, dict[str, Any]]) -> None:
    """A step starts after the steps it needs have succeeded, as far as they are part of this command."""
    for need in wanted.needs:
        if need in done:
            done[need] = watching.follow(client, done[need])
            if done[need]["status"] != "succeeded":
                raise PolicyRefusal("cli.need_failed", step=wanted.spec.step, need=need, job=done[need]["id"], status=done[need]["status"])


def list_jobs(
    project: Annotated[str | None, typer.Option(help="Of one project only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Jobs you may see."""
    with connection.signed_in() as client:
        show_list(client.jobs(project), watching.COLUMNS, as_json)


def show(job: str, as_json: AsJson = False) -> None:
    """One job: its status, and why."""
    with connection.signed_in() as client:
        show_one(client.job(job), as_json)


def watch_job(job: str, as_json: AsJson = False) -> None:
    """Follow a job to its end. Exit 0 when it succeeded, 1 when not, 3 when it was refused."""
    with connection.signed_in() as client:
        watching.finish(client, [client.job(job)], True, as_json)


def show_code(job: str) -> None:
    """The script that waits for your approval (待审批代码)."""
    with connection.signed_in() as client:
        typer.echo(clean(client.job_code(job).decode("utf-8", "replace").expandtabs(4)))


def cancel(job: str, as_json: AsJson = False) -> None:
    """Stop a job of your project."""
    _move(job, "cancel", as_json)


def approve(job: str, as_json: AsJson = False) -> None:
    """Let a waiting job run: approves exactly its code, spec and environment."""
    _move(job, "approve", as_json)


def refuse(job: str, as_json: AsJson = False) -> None:
    """Do not let a waiting job run."""
    _move(job, "refuse", as_json)


def _move(job: str, step: str, as_json: bool) -> None:
    with connection.signed_in() as client:
        show_one(client.move_job(job, step), as_json)
