"""The step `walk`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import Relative, Strength, captions


class Walk(Relative):
    """Every sample at several strengths along a direction, side by side.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Walk
        >>> from interpgan_core.testing import toy
        >>> generator, first = toy(), Direction(torch.eye(16)[0], "w")
        >>> walked = Walk(direction=first, strengths=(-2, 0, 2)).run(generator.sample([7, 8]), generator)
        >>> len(walked), walked.grid.columns
        (6, ('-2', '0', '+2'))
    """

    strengths: Annotated[tuple[Strength, ...], Field(min_length=1)] = (-3.0, -1.5, 0.0, 1.5, 3.0)

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        scale = self.scale(generator)
        walked = self.offsets(batch, layers, tuple(s * scale for s in self.strengths))
        assert walked.grid
        return replace(walked, grid=replace(walked.grid, columns=captions(batch, self.strengths)))
