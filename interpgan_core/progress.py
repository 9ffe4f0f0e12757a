"""Progress bars, where there is someone to see them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

_REMEMBERED = 600.0  # seconds; of what takes longer than that, neither rate nor remaining time is known


def bars(items: Iterable[Any], total: int | None = None, what: str = "") -> Iterator[Any]:
    """A bar with rate and remaining time on a terminal; nothing elsewhere."""
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
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.3g}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=_REMEMBERED) as progress:
        yield from progress.track(items, total=total, description=what)
