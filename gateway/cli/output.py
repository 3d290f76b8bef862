"""What a command prints: JSON for programs on stdout, tables and sentences for people, errors on stderr. Control characters never pass."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from catalog.errors import GloveboxError
from catalog.messages import Language, render

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
WIDEST_UNFOLDED = 200  # columns of a pipe or a file, where no screen ends the line
NARROWEST = 8  # columns that a name or a text keeps when the screen is small
GAP = 2
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


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
    """Rows as a table of ``columns`` (names of their fields), or all there is as JSON.

    An id is never cut: it is what the next command needs. A reason (``why``) stands on a line of its own below its row.
    """
    if as_json:
        return show_json(list(rows))
    if not rows:
        return say("cli.nothing")
    shown = [name for name in columns if name != "why" and (name == columns[0] or any(row.get(name) not in (None, "") for row in rows))]
    cells = [[_cell(row.get(name), name) for name in shown] for row in rows]
    screen = console()
    widths = _widths(shown, cells, screen.width)
    screen = console(at_least=sum(widths) + GAP * (len(widths) - 1))
    for number, (row, texts) in enumerate(zip(rows, cells, strict=True)):
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=number == 0, padding=(0, GAP, 0, 0))
        for name, width in zip(shown, widths, strict=True):
            table.add_column(name, width=width, no_wrap=_is_id(name), overflow="fold")
        table.add_row(*texts)
        screen.print(table)
        why = _cell(row.get("why")) if "why" in columns else ""
        if why:
            screen.print(Padding(Text(why, overflow="fold"), (0, 0, 0, GAP)))
    return None


def show_one(answer: Mapping[str, Any] | None, as_json: bool) -> None:
    """One thing: a line per field, or JSON."""
    if as_json:
        return show_json(answer)
    if not answer:
        return say("cli.done")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in answer.items():
        table.add_row(name, _cell(value, name))
    return console().print(table)


def show_sentence(answer: Any, as_json: bool, code: str, **params: object) -> None:
    """What happened in one sentence, or the whole answer as JSON."""
    if as_json:
        show_json(answer)
    else:
        say(code, **params)


def console(*, stderr: bool = False, at_least: int = 0) -> Console:
    """Plain where the output is no screen; never markup: a server's text is not ours to interpret."""
    wide = None if sys.stdout.isatty() else WIDEST_UNFOLDED
    made = Console(markup=False, highlight=False, emoji=False, soft_wrap=False, width=wide, stderr=stderr)
    if made.width < at_least:
        made.width = at_least  # the terminal breaks such a line itself, and loses nothing of it
    return made


def clean(text: str) -> str:
    """Without control characters other than line breaks: what a server or a file says must not steer a terminal."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf") else "�" for c in text)


def _widths(names: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """As wide as the longest cell; where that is too much, the widest columns that are no ids give way first."""
    widths = [
        max(cell_len(line) for text in (name, *column) for line in text.split("\n") or [""]) for name, column in _columns(names, cells)
    ]
    elastic = [place for place, name in enumerate(names) if not _is_id(name)]
    while sum(widths) + GAP * (len(widths) - 1) > room:
        widest = max(elastic, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _columns(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    return [(name, [row[place] for row in cells]) for place, name in enumerate(names)]


def _is_id(name: str) -> bool:
    return name in ("id", "key_id")


def _cell(value: Any, name: str = "") -> str:
    """A value as a person reads it: never JSON; an instant to the minute."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, Mapping) and "text" in value:  # a reason carries its sentence
        return clean(str(value["text_zh"] if language() == "zh" and value.get("text_zh") else value["text"]))
    if isinstance(value, Mapping):
        return ", ".join(clean(str(key)) if each is None else f"{clean(str(key))}: {_cell(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    text = str(value)
    return clean(f"{text[:10]} {text[11:16]}" if name.endswith(("_at", "time")) and _INSTANT.match(text) else text)
