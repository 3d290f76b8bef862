"""``glovebox demo``: tell the story, write its figures, and leave the server running unless asked not to."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.settings import home_from_environment
from gateway.demo.stage import Stage

if TYPE_CHECKING:
    from gateway.demo.world import World

FIRMS = 20_000
PORT = 8090


def demo(
    firms: Annotated[int, typer.Option(help="How many firms the made-up province has.")] = FIRMS,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Leave the server running afterwards.")] = True,
    figures: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    port: Annotated[int, typer.Option(help="The server's port; 0 takes a free one.")] = 0,
) -> None:
    """The whole story on one machine, from a raw table to a verified score list. All data are made up."""
    from gateway.demo.story import tell

    stage = Stage()
    world = tell(home_from_environment() / "demo", firms, stage, port)
    try:
        stage.figures["seconds"] = round(stage.seconds, 1)
        stage.console.print(f"\nDone in [bold]{stage.seconds:.0f} s[/bold].")
        if figures is not None:
            figures.write_text(json.dumps(stage.figures, indent=1, sort_keys=True) + "\n")
        if serve:
            _leave_running(world, stage)
    finally:
        world.stop()


def _leave_running(world: World, stage: Stage) -> None:
    stage.console.print(f"\nThe console is at {world.address}/console/ — sign in as")
    for login in ("officer_wang", "scientist_a", "auditor"):
        stage.console.print(f"  {login:13} {world.passwords[login]}")
    stage.console.print("Ctrl-C ends it.")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    over.wait()


def register(app: typer.Typer) -> None:
    app.command()(demo)
