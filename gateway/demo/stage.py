"""How the demo speaks: one line per step with its figure, and a progress display while something runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Stage:
    """Prints lines and remembers figures for ``--json``."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.figures: dict[str, object] = {}
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def line(self, text: str, figure: str = "") -> None:
        """One step that happened."""
        self.console.print(f"  ✓ {text}" + (f": [bold]{figure}[/bold]" if figure else ""))

    def stopped(self, text: str, figure: str = "") -> None:
        """Something that was refused, as it should be."""
        self.console.print(f"  ■ {text}" + (f": [bold]{figure}[/bold]" if figure else ""))

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Progress]:
        columns = (
            SpinnerColumn(),
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as shown:
            shown.add_task(title, total=total)
            yield shown
