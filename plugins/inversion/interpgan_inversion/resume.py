"""Long work step by step; a run that was stopped goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from interpgan_core import InterpganError, LatentBatch, Progress
from interpgan_core.plugin import placing
from interpgan_inversion.search import Schedule, Search

SAVE_SECONDS = 25.0  # a step and the writing come on top: a kill costs half a minute at most


class Work(Protocol):
    """Work in steps; its `state` is all that the next step needs."""

    step: int
    schedule: Schedule

    def advance(self) -> float:
        """Take a step; returns the loss before it."""

    def state(self) -> dict[str, Any]:
        """For `torch.save`."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""


def search_all(
    begin: Callable[[slice], Search],
    names: list[str],
    batch_size: int,
    scratch: Path,
    progress: Progress,
) -> tuple[LatentBatch, list[list[tuple[int, float]]]]:
    """Search for the codes of all pictures.

    Args:
        begin: makes the search for some of them.
        names: of the pictures.
        batch_size: how many of them at once.
        scratch: holds the state of every batch.
        progress: shows steps, and the loss.

    Returns:
        The best codes, and for every picture its loss curve, (step, loss).

    Raises:
        InterpganError: if no loss of a picture was finite.
    """
    parts: list[LatentBatch] = []
    curves: list[list[tuple[int, float]]] = []
    for start in range(0, len(names), batch_size):
        rows = slice(start, min(start + batch_size, len(names)))
        search = begin(rows)
        which = names[start] if batch_size == 1 else f"pictures {start + 1} to {rows.stop}"
        what = f"inverting {which} of {len(names)}"
        finish(search, what, scratch / f"search{start:05d}.pt", progress)
        for name, loss in zip(names[rows], search.losses.tolist(), strict=True):
            if loss == float("inf"):
                raise InterpganError(
                    f"no loss of {name} was finite; lower the rate, or load the generator with precision: float32"
                )
        parts.append(search.best())
        curves += [[(step, float(row[i])) for step, row in search.curve] for i in range(len(search.losses))]
    labels = [part.labels for part in parts if part.labels is not None]
    batch = replace(parts[0], codes=torch.cat([part.codes for part in parts]), labels=None)
    return replace(batch, labels=torch.cat(labels)) if labels else batch, curves


def finish(work: Work, what: str, file: Path, progress: Progress) -> None:
    """Take the steps that are left.

    Args:
        work: what is to be done.
        what: for the bar.
        file: where the state is kept now and then; from there a stopped run goes on.
        progress: shows steps, and the loss.
    """
    if file.exists():
        work.restore(torch.load(file, map_location="cpu", weights_only=True))
    loss, saved = float("nan"), time.monotonic()

    def said() -> str:
        return f"{what}, loss {loss:.4f}"

    for _ in progress(_left(work), total=work.schedule.steps - work.step, what=said):
        loss = work.advance()
        if time.monotonic() - saved > SAVE_SECONDS:
            _save(work, file)
            saved = time.monotonic()
    _save(work, file)


def _left(work: Work) -> Iterator[int]:
    while work.step < work.schedule.steps:
        yield work.step


def _save(work: Work, file: Path) -> None:
    with placing(file) as partial:
        torch.save(work.state(), partial)
