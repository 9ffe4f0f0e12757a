"""How far a step is: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
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
    """A bar with rate and remaining time on a terminal; elsewhere, as in a log file, now and then a line.

    Args:
        items: to go through.
        total: how many, where that is known.
        what: stands before the bar; a function is asked whenever the bar is drawn.
        seconds: between two lines.
    """

    def said() -> str:
        return what() if callable(what) else what

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
