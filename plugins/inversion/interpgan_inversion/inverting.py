"""`inversion` from the first picture to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from interpgan_core import Generator, ImageSet, InterpganError, LatentBatch, Progress
from interpgan_inversion.likeness import Likeness, Look
from interpgan_inversion.measures import compared
from interpgan_inversion.running import search_all
from interpgan_inversion.search import Schedule, Search
from interpgan_inversion.sources import names_of
from interpgan_inversion.starts import Scale, from_mean, from_samples

if TYPE_CHECKING:
    from interpgan_inversion.operators import Invert


def invert(
    step: Invert, generator: Generator, folder: Path, scratch: Path, progress: Progress
) -> LatentBatch:
    """What `Invert.run` does."""
    originals = step.originals(generator, scratch, progress)
    scale = Scale.of(generator, step.space or layered(generator))
    likeness = step.likeness()
    start = _start(step, generator, scale, likeness, originals, scratch, progress)
    schedule = Schedule(step.steps, step.rate, step.noise, step.pull, step.seed)

    def begin(rows: slice) -> Search:
        seen = looked_at(originals, rows, likeness, generator)
        return Search(generator, scale, start[rows], likeness, seen, schedule)

    batch, curves = search_all(begin, names_of(originals), step.batch_size, scratch, progress)
    where = f"Codes of {scale.space.name}, {step.steps} steps."
    notes = (likeness.said(), where)
    compared(folder, generator, {"inverted": batch}, originals, likeness, curves, notes).save(folder)
    return batch


def layered(generator: Generator) -> str:
    """The space of a code a layer, where likeness is greatest; the first space where there is none."""
    for name, space in generator.spaces.items():
        if space.base is not None:
            return name
    return next(iter(generator.spaces))


@torch.no_grad()
def looked_at(originals: ImageSet, rows: slice | list[int], likeness: Likeness, generator: Generator) -> Look:
    """Some of the originals as the loss sees them."""
    return likeness.look(originals.images(rows).to(generator.device))


def _start(
    step: Invert,
    generator: Generator,
    scale: Scale,
    likeness: Likeness,
    originals: ImageSet,
    scratch: Path,
    progress: Progress,
) -> LatentBatch:
    if isinstance(step.start, LatentBatch):
        if len(step.start) != len(originals):
            raise InterpganError(
                f"{len(step.start)} codes cannot start {len(originals)} pictures; give one code a picture"
            )
        return generator.to_space(step.start, scale.space.name)
    if step.start == "mean":
        return from_mean(generator, scale, len(originals))
    if not (kept := scratch / "start").exists():
        targets = looked_at(originals, slice(None), likeness, generator)
        name = scale.space.name
        found = from_samples(generator, name, likeness, targets, step.candidates, step.batch_size, progress)
        partial = scratch / "start.partial"
        partial.mkdir(exist_ok=True)
        found.save(partial)
        partial.rename(kept)
    return LatentBatch.load(kept, generator)
