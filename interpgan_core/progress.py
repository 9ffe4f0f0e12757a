"""Progress bars, where there is someone to see them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Progress = Callable[..., Iterable[Any]]
"""`for x in progress(items, total=n, what="scoring"):` shows a bar where there is someone to see it; `what` may be a
function that is asked again and again, such as for the loss."""


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


def bars(items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = "") -> Iterator[Any]:
    """A bar with rate and remaining time on a terminal; nothing elsewhere.

    Args:
        items: to go through.
        total: how many, where that is known.
        what: stands before the bar; a function is asked whenever the bar is drawn.
    """
    if not sys.stderr.isatty():
        yield from items
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
            return Text(what() if callable(what) else what)

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
