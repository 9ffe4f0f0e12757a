"""The step `place`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from interpgan_core.generators.directions import Direction
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import AlongDirection, Strength
from interpgan_core.operators.fields import Input


class Place(AlongDirection):
    """Move every code to a signed distance from the direction's plane, wherever it was before.

    Only directions have a plane; other movers move by `shift`.

    Source: InterFaceGAN's edit of Z and W codes (Shen et al., CVPR 2020); several distances give a row.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Place
        >>> from interpgan_core.testing import toy
        >>> generator, first = toy(), Direction(torch.eye(16)[0], "z")
        >>> placed = Place(direction=first, distance=2).run(generator.sample([7]), generator)
        >>> round(float(first.distance(placed.codes)), 6)
        2.0
    """

    direction: Input[Direction]
    distance: Strength | Annotated[tuple[Strength, ...], Field(min_length=1)]

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        rows = batch.space.mask(layers)
        now = self.direction.distance(batch.codes, rows).float().view(-1, *[1] * step.ndim)
        batch = replace(batch, codes=batch.codes - now * step)
        if isinstance(self.distance, tuple):
            return self.offsets(batch, layers, self.distance)
        return replace(batch, codes=batch.codes + self.distance * step)
