"""`inversion.encode` and `inversion.indomain` from the first picture to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from interpgan_core import Generator, HasEncoder, InterpganError, LatentBatch, Progress
from interpgan_inversion.encoder import Encoder
from interpgan_inversion.inverting import looked_at
from interpgan_inversion.likeness import Likeness
from interpgan_inversion.measures import compared
from interpgan_inversion.running import search_all
from interpgan_inversion.search import Schedule, Search
from interpgan_inversion.sources import names_of, read, side_of
from interpgan_inversion.trained import trained

if TYPE_CHECKING:
    from interpgan_inversion.encoding import Encode, InvertInDomain


@torch.no_grad()
def encode(
    step: Encode, generator: Generator, folder: Path, scratch: Path, progress: Progress
) -> LatentBatch:
    """What `Encode.run` does."""
    encoder: HasEncoder
    if own := step.encoder is None and isinstance(generator, HasEncoder):
        encoder = generator
    else:
        encoder = _encoder(step, generator)
    originals = step.originals(generator, scratch, progress)
    images = originals.images(slice(None)).to(generator.device)
    batch = encoder.encode(images)
    notes = (f"Codes by the encoder{' of the generator' if own else ''}, with no search.",)
    compared(folder, generator, {"encoded": batch}, originals, Likeness(), notes=notes).save(folder)
    return batch


def invert(
    step: InvertInDomain, generator: Generator, folder: Path, scratch: Path, progress: Progress
) -> LatentBatch:
    """What `InvertInDomain.run` does."""
    encoder = _encoder(step, generator)
    originals = step.originals(generator, scratch, progress)
    likeness, schedule = step.likeness(), Schedule(step.steps, step.rate)
    mask = _mask(step, generator, scratch, progress)

    def outside(apart: Tensor, pictures: Tensor) -> Tensor:
        """How far each code is from the encoder's of its picture."""
        again: Tensor = encoder.net(pictures)[0]
        return (apart - again).square().flatten(1).mean(1) * step.domain_weight

    def begin(rows: slice) -> Search:
        target = looked_at(originals, rows, likeness, generator)
        with torch.no_grad():
            start = encoder.encode(target.images)
        return Search(generator, encoder.scale, start, likeness, target, schedule, mask, outside)

    batch, curves = search_all(begin, names_of(originals), step.batch_size, scratch, progress)
    notes = [
        likeness.said(),
        f"{step.domain_weight:g} times the mean squared difference between a code and the encoder's of its "
        "picture was added.",
    ]
    notes += ["Only what is white in the mask had to be like the pictures."] if mask is not None else []
    compared(folder, generator, {"inverted": batch}, originals, likeness, curves, notes).save(folder)
    return batch


def _encoder(step: Encode | InvertInDomain, generator: Generator) -> Encoder:
    """That of the step, or that which comes with the generator."""
    if step.encoder is None:
        return trained(generator)
    step.encoder.check(generator)
    return step.encoder


def _mask(step: InvertInDomain, generator: Generator, scratch: Path, progress: Progress) -> Tensor | None:
    """(1, 1, side, side) float32, 1 where pictures have to be alike."""
    if step.mask is None:
        return None
    found = read(step.mask, side_of(generator), step.fit, 0, scratch / "mask", progress)
    mask = torch.from_numpy(np.asarray(found.pixels[:1], dtype=np.float32)).mean(1, keepdim=True) / 255
    if not mask.any():
        raise InterpganError(f"{step.mask} is black all over; make white what has to be like the pictures")
    return mask.to(generator.device)
