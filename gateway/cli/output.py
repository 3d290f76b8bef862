"""What a command prints: JSON for programs on stdout, tables and sentences for people, errors on stderr. Control characters never pass."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from catalog.errors import GloveboxError
from catalog.messages import Language, render

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
WIDEST_UNFOLDED = 200  # columns of a pipe or a file, where no screen ends the line


def language() -> Language:
    """GLOVEBOX_LANG: ``zh`` or ``en``, English otherwise."""
    return "zh" if os.environ.get("GLOVEBOX_LANG", "").lower().startswith("zh") else "en"


def sentence(code: str, **params: object) -> str:
    return clean(render(code, params, language()))


def say(code: str, **params: object) -> None:
    """A sentence for a person, on stdout."""
    print(sentence(code, **params))


def note(code: str, **params: object) -> None:
    """A sentence beside the answer, on stderr: it never spoils JSON."""
    print(sentence(code, **params), file=sys.stderr)


def show_error(error: GloveboxError) -> None:
    print(clean(error.text(language())), file=sys.stderr)


def show_json(answer: Any) -> None:
    print(json.dumps(answer, ensure_ascii=False, indent=2))


def show_list(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Rows as a table of ``columns`` (names of their fields), or all there is as JSON."""
    if as_json:
        return show_json(list(rows))
    if not rows:
        return say("cli.nothing")
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return console().print(table)


def show_one(answer: Mapping[str, Any] | None, as_json: bool) -> None:
    """One thing: a line per field, or JSON."""
    if as_json:
        return show_json(answer)
    if not answer:
        return say("cli.done")
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in answer.items():
        table.add_row(name, _cell(value))
    return console().print(table)


def console(*, stderr: bool = False) -> Console:
    """Plain where the output is no screen; never markup: a server's text is not ours to interpret."""
    wide = None if sys.stdout.isatty() else WIDEST_UNFOLDED
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False, width=wide, stderr=stderr)


def clean(text: str) -> str:
    """Without control characters other than line breaks: what a server or a file says must not steer a terminal."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf") else "�" for c in text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, Mapping) and "text" in value:  # a reason carries its sentence
        return clean(str(value["text"]))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return clean(", ".join(value))
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
