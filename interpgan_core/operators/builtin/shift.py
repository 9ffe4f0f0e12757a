"""The step `shift`."""

from __future__ import annotations

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import Relative, Strength


class Shift(Relative):
    """Move every code along a direction: `code + strength * direction`, relative to where it is; or by another mover.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Shift
        >>> from interpgan_core.testing import toy
        >>> generator, first = toy(), Direction(torch.eye(16)[0], "w")
        >>> before = generator.to_space(generator.sample([7]), "w")
        >>> after = Shift(direction=first, strength=2).run(before, generator)
        >>> float((after.codes - before.codes).norm())
        2.0
    """

    strength: Strength

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        return self.moved(batch, layers, self.strength * self.scale(generator))
