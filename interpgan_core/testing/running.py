"""Running an operator in a test as a recipe would, to its end or until it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from interpgan_core.operators.base import Operator
from interpgan_core.progress import Progress, quiet


class Stopped(Exception):
    """What `stop_after` raises, in place of a kill."""


def stop_after(count: int, inside: str = "") -> Progress:
    """A progress that stops the operator, so that a test can let it go on.

    Args:
        count: how many items are gone through first.
        inside: only in a progress whose `what` contains this text; in any when left out.

    Returns:
        A progress that raises `Stopped` in place of item number `count`, counted from 0.
    """

    def progress(
        items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
    ) -> Iterator[Any]:
        stops = inside in (what() if callable(what) else what)
        for number, item in enumerate(items):
            if stops and number >= count:
                raise Stopped
            yield item

    return progress


def recorded(said: list[tuple[str, int | None, int]]) -> Progress:
    """A progress that keeps what is shown, so that a test can compare how long it was to be with how long it was.

    Args:
        said: gets an entry for each progress when it ends: what is done, how many items it was to have, and how many
            it had.

    Returns:
        A progress that shows nothing.
    """

    def progress(
        items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
    ) -> Iterator[Any]:
        count = 0
        for item in items:
            yield item
            count += 1
        said.append((what() if callable(what) else what, total, count))

    return progress


def run_operator(operator: Operator, folder: Path, progress: Progress = quiet, **given: Any) -> Any:
    """Run an operator as a run of a recipe does.

    Args:
        operator: with its parameters.
        folder: `folder` is its `result`, `scratch` its `scratch`; a second call with the same folder goes on where
            a stopped one was.
        progress: what it shows its progress by.
        given: what else `run` may ask for, such as `generator` and `batch`; `device` is "cpu" when left out.

    Returns:
        What `run` returns.
    """
    result, scratch = folder / "result", folder / "scratch"
    for path in (result, scratch):
        path.mkdir(parents=True, exist_ok=True)
    given = {"device": "cpu", "folder": result, "scratch": scratch, "progress": progress, **given}
    return operator.run(**{need: given[need] for need in operator.needs() if need in given})
