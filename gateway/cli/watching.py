"""Following jobs to their end, with a line of progress for people; what a job may say of itself is its status and its reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.cli.output import clean, console, show_json, show_list
from gateway.client.api import GloveboxClient

ENDED = frozenset({"succeeded", "failed", "cancelled", "expired", "refused"})
LOOK_EVERY_SECONDS = 0.5
COLUMNS = ("id", "kind", "step", "status", "outcome", "submitted_at", "why")
FAILED, REFUSED = 1, 3


def finish(client: GloveboxClient, jobs: Sequence[dict[str, Any]], watch: bool, as_json: bool) -> None:
    """Show ``jobs``; with ``watch`` as they ended, and leave with exit code 1 or 3 when one did not succeed."""
    ended = [follow(client, job) for job in jobs] if watch else list(jobs)
    show(ended, as_json)
    leave(ended)


def show(jobs: Sequence[dict[str, Any]], as_json: bool) -> None:
    """One job as one JSON object, several as a list."""
    if as_json:
        show_json(jobs[0] if len(jobs) == 1 else list(jobs))
    else:
        show_list(jobs, COLUMNS, False)


def leave(jobs: Sequence[dict[str, Any]]) -> None:
    """Exit 3 when a job was refused, 1 when one ended otherwise without success."""
    statuses = {job["status"] for job in jobs}
    if "refused" in statuses:
        raise typer.Exit(REFUSED)
    if statuses & (ENDED - {"succeeded"}):
        raise typer.Exit(FAILED)


def follow(client: GloveboxClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job as it ended. The display goes to stderr and is gone afterwards."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        line = progress.add_task(_described(job))
        while job["status"] not in ENDED:
            time.sleep(LOOK_EVERY_SECONDS)
            job = client.job(job["id"])
            progress.update(line, description=_described(job))
    return job


def _described(job: dict[str, Any]) -> str:
    why = job.get("why") or {}
    text = f"{job.get('step') or job['id']}: {job['status']}" + (f" ({why['text']})" if why.get("text") else "")
    return clean(text)
