"""The one entry: all areas in one program, every error one sentence on stderr in the reader's language, with its exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from catalog.errors import GloveboxError
from gateway.cli import cohorts, connection, data, grants, keys, ledger, machine, organisations, packages, releases, sessions
from gateway.cli import jobs as job_commands
from gateway.cli.output import show_error
from gateway.demo import command as demonstration

app = typer.Typer(
    name="glovebox",
    help="Model on government data that you can use and never see (可用不可见).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def common(
    server: Annotated[
        str,
        typer.Option(
            "--server", envvar="GLOVEBOX_SERVER", help="The platform's address. Without one: the session's, else this machine's home."
        ),
    ] = "",
) -> None:
    connection.choose_server(server)


for area in (machine, keys, sessions, organisations, data, grants, cohorts, job_commands, releases, packages, ledger, demonstration):
    area.register(app)


def main() -> None:
    """Run one command. Exits 0 done, 1 failed, 2 misused, 3 refused by a rule."""
    try:
        app(prog_name="glovebox")
    except GloveboxError as error:
        show_error(error)
        sys.exit(error.exit_code)
