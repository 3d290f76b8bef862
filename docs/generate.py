"""Fill the generated parts of the documentation from the code: ``python -m docs.generate``; ``--check`` exits 1 when one is stale.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. What NAME prints is in ``PARTS``, below.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from catalog.actors import ROLES_OF_KIND, Role
from catalog.errors import Broken, GloveboxError, Misuse, Refused
from catalog.permissions import ROLES_WITH
from gateway.cli.entry import app
from jobs import kinds, lifecycle, spec
from sandbox.airlock import lifecycle as release_lifecycle
from sandbox.airlock import policies
from sandbox.modelling import params

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("gateway", "engines", "sandbox", "jobs", "catalog")  # the topmost first
PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_RECORDED = "not recorded yet: run the command, and keep what it prints here"


def fenced(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def table(*rows: tuple[object, ...]) -> str:
    """The first row is the header. A bar inside a cell would end it."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]]) + "\n"


def imports_of(path: Path) -> set[str]:
    """Modules a file imports, also inside functions; not those that only type checkers see."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        waiting += ast.iter_child_nodes(node)
    return found


def room_of(module: str) -> str:
    """``sandbox.jail.spec.Bind`` → ``sandbox.jail``; what lies directly on a floor belongs to the floor itself."""
    floor, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return f"{floor}.{room}" if room and (ROOT / floor / room).is_dir() else floor


def room_graph() -> dict[str, set[str]]:
    """Room → the rooms it imports, without itself."""
    graph: dict[str, set[str]] = {}
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            imported = {room_of(module) for module in imports_of(path) if module.partition(".")[0] in FLOORS}
            graph.setdefault(room, set()).update(imported - {room})
    return graph


def floors() -> str:
    graph = room_graph()
    edges = {(room.partition(".")[0], other.partition(".")[0]) for room, others in graph.items() for other in others}
    lines = ["flowchart TD"]
    lines += [f"    {floor}" for floor in FLOORS]
    lines += [f"    {one} --> {other}" for one in FLOORS for other in FLOORS if one != other and (one, other) in edges]
    return fenced("\n".join(lines), "mermaid")


def rooms() -> str:
    def place(room: str) -> tuple[int, str]:
        return FLOORS.index(room.partition(".")[0]), room

    graph = room_graph()
    rows = [(f"`{room}`", ", ".join(f"`{other}`" for other in sorted(graph[room], key=place)) or "–") for room in sorted(graph, key=place)]
    return table(("room", "imports"), *rows)


def permissions() -> str:
    rows = [(f"`{permission}`", ", ".join(f"`{r}`" for r in Role if r in roles)) for permission, roles in ROLES_WITH.items()]
    return table(
        ("permission", "roles that hold it"),
        *((p, "everybody" if len(ROLES_WITH[k]) == len(Role) else r) for (p, r), k in zip(rows, ROLES_WITH, strict=True)),
    )


def roles() -> str:
    return table(
        ("organisation", "roles its people may have"),
        *((f"`{kind}`", ", ".join(f"`{r}`" for r in Role if r in held)) for kind, held in ROLES_OF_KIND.items()),
    )


def errors() -> str:
    def below(kind: type[GloveboxError]) -> Iterator[type[GloveboxError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    rows = [
        (f"`{each.__name__}`", each.exit_code, each.status)
        for top in (Misuse, Refused, Broken)
        for each in below(top)
        if each.__module__ == "catalog.errors"
    ]
    return table(("error", "exit code", "HTTP status"), *rows)


def commands() -> str:
    def walk(command: Any, path: str) -> Iterator[tuple[str, str]]:
        children = getattr(command, "commands", None)
        if children is None:
            wanted = [p for p in command.params if not hasattr(p, "is_flag") and p.required]
            yield f"`{' '.join([path, *((p.metavar or p.name.upper()) for p in wanted)])}`", (command.help or "").split("\n")[0]
        for name, child in (children or {}).items():
            yield from walk(child, f"{path} {name}".strip())

    return table(("glovebox …", "what it does"), *walk(typer.main.get_command(app), ""))


def policy() -> str:
    """Each number's own docstring, from the source: Python keeps none for a field."""
    body = next(
        n for n in ast.parse(Path(policies.__file__).read_text("utf-8")).body if isinstance(n, ast.ClassDef) and n.name == "Policy"
    ).body
    said = {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    return table(("name", "default", "meaning"), *((f"`{f.name}`", f.default, said[f.name]) for f in fields(policies.Policy)))


def training_parameters() -> str:
    rows = [
        (algorithm, f"`{name}`", rule.allowed, rule.default) for algorithm, rules in params.RULES.items() for name, rule in rules.items()
    ]
    return table(("algorithm", "parameter", "allowed", "default"), *rows)


def resources() -> str:
    ordinary = spec.Resources()
    return table(
        ("name", "default", "at most"),
        *((f"`{f.name}`", getattr(ordinary, f.name), getattr(spec.LARGEST, f.name)) for f in fields(ordinary)),
    )


def outcomes() -> str:
    return ", ".join(f"`{outcome}`" for outcome in lifecycle.Outcome) + "\n"


def kind_names() -> str:
    return ", ".join(f"`{name}`" for name in kinds.ALLOWED) + "\n"


def transcript(name: str) -> Callable[[], str]:
    """What a command printed, as the file beside the guides keeps it."""

    def read() -> str:
        path = ROOT / "docs" / "guide" / name
        return fenced(path.read_text("utf-8") if path.is_file() else NOT_RECORDED, "text")

    return read


PARTS: dict[str, Callable[[], str]] = {
    "floors": floors,
    "rooms": rooms,
    "job-lifecycle": lambda: fenced(lifecycle.JOB.mermaid(), "mermaid"),
    "release-lifecycle": lambda: fenced(release_lifecycle.RELEASE.mermaid(), "mermaid"),
    "permissions": permissions,
    "roles": roles,
    "errors": errors,
    "commands": commands,
    "policy": policy,
    "training-parameters": training_parameters,
    "resources": resources,
    "outcomes": outcomes,
    "kinds": kind_names,
    "demo": transcript("demo.txt"),
    "example-sba": transcript("example-sba.txt"),
}


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """``text`` with every generated part printed anew. Raises KeyError for a part nobody prints."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}{found[3]}", text)


def stale() -> list[Path]:
    """Documents whose generated parts are not what the code says now."""
    return [path for path in documents() if filled(path.read_text("utf-8")) != path.read_text("utf-8")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a part is stale")
    checking = parser.parse_args().check
    found = stale()
    for path in found:
        print(f"{'stale' if checking else 'written'}: {path.relative_to(ROOT)}")
        if not checking:
            path.write_text(filled(path.read_text("utf-8")), "utf-8")
    return 1 if checking and found else 0


if __name__ == "__main__":
    sys.exit(main())
