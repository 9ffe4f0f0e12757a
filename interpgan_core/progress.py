"""How far a step is: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from typing import Any

Progress = Callable[..., Iterable[Any]]
"""`for x in progress(items, total=n, what="scoring"):` shows how far it is; `what` may be a function that is asked
again and again, such as for the loss."""


def quiet(
    items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
) -> Iterable[Any]:
    """The `Progress` that shows nothing; for tests and scripts that call an operator themselves.

    Args:
        items: what is gone through.
        total: how many there are; not used.
        what: what is done with them; not used.

    Returns:
        `items`, as they are.
    """
    return items


_REMEMBERED = 600.0  # seconds; of what takes longer than that, neither rate nor remaining time is known


def bars(
    items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = "", seconds: float = 30
) -> Iterator[Any]:
    """A bar with rate and remaining time on a terminal and in a notebook; elsewhere now and then a line.

    Args:
        items: to go through.
        total: how many, where that is known.
        what: stands before the bar; a function is asked whenever the bar is drawn.
        seconds: between two lines.
    """

    def said() -> str:
        return what() if callable(what) else what

    shell = _notebook()
    if shell is not None:
        yield from _in_notebook(items, total, what, shell)
        return
    if not sys.stderr.isatty():
        yield from _lines(items, total, said, seconds)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class What(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(said())

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.3g}/s" if task.speed else "")

    columns = (
        What(),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=_REMEMBERED) as progress:
        yield from progress.track(items, total=total)


_PATIENCE = 0.5  # seconds before a notebook shows anything
_BETWEEN = 0.2  # seconds from one update to the next


@dataclass
class _Bar:
    """A line of a notebook."""

    what: str | Callable[[], str]
    total: int | None
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def __repr__(self) -> str:
        seconds = time.monotonic() - self.began
        known = f"{self.done} of {self.total}" if self.total else str(self.done)
        rate = f", {self.done / seconds:.3g}/s" if self.done else ""
        left = ""
        if self.total and 0 < self.done < self.total:
            rest = timedelta(seconds=round(seconds / self.done * (self.total - self.done)))
            left = f", {rest} left"
        return f"{self.what() if callable(self.what) else self.what}: {known}{rate}{left}"

    def _repr_html_(self) -> str:
        value = f' value="{self.done}" max="{self.total}"' if self.total else ""
        return f'<progress{value} style="width: 16em"></progress> {escape(repr(self))}'


def _notebook() -> Any:
    """The shell of the notebook that this runs in; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if hasattr(shell, "kernel") else None


_free: dict[int, list[Any]] = {}  # by cell: lines whose bars have ended, for the next


def _in_notebook(
    items: Iterable[Any], total: int | None, what: str | Callable[[], str], shell: Any
) -> Iterator[Any]:
    """A line that changes in place; a cell has no more of them than there are bars at the same time."""
    from IPython.display import display

    cell = shell.execution_count
    if cell not in _free:
        _free.clear()
    bar, line, due = _Bar(what, total), None, time.monotonic() + _PATIENCE
    try:
        for item in items:
            yield item
            bar.done += 1
            if time.monotonic() < due:
                continue
            if line is None:
                waiting = _free.setdefault(cell, [])
                line = waiting.pop() if waiting else display(display_id=True)
            line.update(bar)
            due = time.monotonic() + _BETWEEN
    finally:
        if line is not None:
            line.update(bar)
            _free.setdefault(cell, []).append(line)


def _lines(items: Iterable[Any], total: int | None, said: Callable[[], str], seconds: float) -> Iterator[Any]:
    """A line on standard error as soon as an item begins `seconds` after the line before."""
    began = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - last >= seconds:
            last = now
            rest = timedelta(seconds=round((total - done) * (now - began) / done)) if total and done else None
            far = f"{done} of {total}" if total else f"{done} done"
            print(f"{said()}: {far}{f', {rest} left' if rest else ''}", file=sys.stderr, flush=True)
        yield item
