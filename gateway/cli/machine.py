"""The operator's own commands: making a home, running the platform, looking at the machine, building environments."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from catalog.errors import Unavailable
from catalog.settings import home_from_environment, load_settings
from gateway.cli.output import AsJson, clean, language, note, show_json, show_list, show_one

UNSAFE = 1
RUNNERS = "ray or local"
Runner = Annotated[str, typer.Option(help=RUNNERS)]


def register(app: typer.Typer) -> None:
    app.command("init")(init)
    app.command("doctor")(doctor)
    app.command("serve")(serve)
    app.command("dispatch")(dispatch)
    found = typer.Typer(help="The locked environments (运行环境) that jobs run in.", no_args_is_help=True)
    found.command("list")(list_environments)
    found.command("show")(show_environment)
    found.command("build")(build_environment)
    app.add_typer(found, name="environment")


def server_part(name: str) -> ModuleType:
    """A module of the server. Raises Unavailable("client.server_extra") in a base install."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Unavailable("client.server_extra", module=error.name) from None


def init(
    platform: Annotated[str, typer.Option(help="The platform's name, as packages and the ledger carry it.")] = "glovebox",
    cohort_floor: Annotated[int, typer.Option("--cohort-floor", min=1, help="Smallest cohort a bank may match.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Make a home in GLOVEBOX_HOME: settings, keys, database, one operator. Prints a one-time password, once."""
    home = home_from_environment()
    first = server_part("gateway.composition").initialise_home(home, platform=platform, cohort_floor=cohort_floor)
    show_one({"home": str(home), "platform": platform, "login": first.login, "one_time_password": first.password}, as_json)
    note("cli.one_time_password")


def doctor(as_json: AsJson = False) -> None:
    """What this machine can and cannot do safely (体检). Exit 1 when it is unsafe."""
    examined = server_part("gateway.doctor")
    findings = examined.examine(home_from_environment())
    if as_json:
        show_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            text = clean(finding.text(language()))
            named = text if text.startswith((f"{finding.name}:", f"{finding.name}：")) else f"{finding.name}: {text}"
            print(f"{examined.SIGNS[finding.level]} {named}")
    raise typer.Exit(0 if examined.is_safe(findings) else UNSAFE)


def serve(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8090,
    runner: Runner = "ray",
    dispatching: Annotated[bool, typer.Option("--dispatch/--no-dispatch", help="Also run the supervisor, and keep it alive.")] = True,
) -> None:
    """Gateway and console; keeps `glovebox dispatch` alive beside it. SIGTERM ends both."""
    server_part("gateway.serving").serve(home_from_environment(), host, port, runner if dispatching else None)


def dispatch(runner: Runner = "ray") -> None:
    """The supervisor's loop: takes mail, runs jobs, signs releases, writes checkpoints. SIGTERM ends it cleanly."""
    server_part("gateway.serving").dispatch(home_from_environment(), runner)


def list_environments(as_json: AsJson = False) -> None:
    """Environments that were built on this machine."""
    folder = load_settings().environments_dir
    built = sorted(folder.glob("[0-9a-f]*")) if folder.is_dir() else []
    current = _expected(folder).name
    rows = [{"name": path.name, "path": str(path), "current": path.name == current} for path in built]
    show_list(rows, ("name", "current", "path"), as_json)


def show_environment(as_json: AsJson = False) -> None:
    """The environment of jobs: its lock, and whether it is built."""
    lock, path = _lock(), _expected(load_settings().environments_dir)
    built = path.is_dir()  # it appears by a rename, complete
    packages = [line.split(" ")[0] for line in lock.read_text("utf-8").splitlines() if line[:1].isalnum()]
    show_one({"name": path.name, "path": str(path), "lock": lock.name, "built": built, "packages": packages}, as_json)


def build_environment(as_json: AsJson = False) -> None:
    """Build the environment of jobs from its lock file (wheels only, every hash checked)."""
    path = server_part("sandbox.workspace.environments").build(load_settings().environments_dir, _lock())
    show_one({"name": path.name, "path": str(path), "built": True}, as_json)


def _lock() -> Path:
    lock: Path = server_part("gateway.composition").JAIL_LOCK
    return lock


def _expected(folder: Path) -> Path:
    expected: Path = server_part("sandbox.workspace.environments").environment_dir(folder, _lock())
    return expected
