"""The ledger: what was done, and whether the record of it is still the one that was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import BadInput
from gateway.cli import connection
from gateway.cli.output import AsJson, clean, language, say, show_json, show_list
from gateway.client.ledger_file import verify_file

TAMPERED = 1


def register(app: typer.Typer) -> None:
    ledger = typer.Typer(help="The ledger (台账).", no_args_is_help=True)
    ledger.command("show")(show)
    ledger.command("verify")(verify)
    app.add_typer(ledger, name="ledger")


def show(
    object_name: Annotated[str | None, typer.Option("--object", help="Records of one thing only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest records."""
    with connection.signed_in() as client:
        records = client.ledger(object_name, limit)
    show_list(records, ("seq", "time", "actor", "action", "object", "before", "after"), as_json)


def verify(
    database: Annotated[Path | None, typer.Option("--database", help="A copied SQLite file instead of the platform's own.")] = None,
    trust: Annotated[Path | None, typer.Option("--trust", help="The trust file with the pinned ledger keys; with --database.")] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the whole ledger. Exit 1 when a record is not as it was written, and say which."""
    if (database is None) != (trust is None):
        raise BadInput("cli.database_and_trust")
    report = _by_platform() if database is None or trust is None else verify_file(database, trust)
    if as_json:
        show_json(report)
    else:
        _tell(report)
    raise typer.Exit(0 if report["ok"] else TAMPERED)


def _by_platform() -> dict[str, Any]:
    with connection.signed_in() as client:
        return client.verify_ledger()


def _tell(report: dict[str, Any]) -> None:
    if report["ok"]:
        say("cli.ledger_good", records=report["records"], checkpoints=report["checkpoints"])
    for problem in report["problems"]:
        print(clean(f"■ {problem['text_zh'] if language() == 'zh' else problem['text']}"))  # the sentence names the record itself
    if report["payloads_erased"]:
        say("cli.ledger_erased", count=report["payloads_erased"])
    if report["unsigned_tail"]:
        say("cli.ledger_tail", count=report["unsigned_tail"])
