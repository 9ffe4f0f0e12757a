"""Progress bars, where there is someone to see them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any


def bars(items: Iterable[Any], total: int | None = None, what: str = "") -> Iterator[Any]:
    """A bar with rate and remaining time on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=what)
