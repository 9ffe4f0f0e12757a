"""The step `shift`."""

from __future__ import annotations

from dataclasses import replace

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import Relative, Strength


class Shift(Relative):
    """Move every code along a direction: `code + strength * direction`, relative to where it is."""

    strength: Strength

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        return replace(batch, codes=batch.codes + self.strength * self.scale(generator) * step)
