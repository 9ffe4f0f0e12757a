"""Codes as numbers that mean the same in every space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from interpgan_core import Generator, LatentSpace

SAMPLES = 1000  # of which centre and spread are taken
SHARE = 0.05  # of the mean spread: entries that hardly vary in samples do not become infinitely stiff


@dataclass(frozen=True, eq=False)
class Scale:
    """Codes as numbers that mean the same in every space: deviations from the mean of the samples.

    Args:
        space: of the codes.
        centre: (*space.shape) float32.
        spread: (*space.shape) float32, above 0; standard deviations.
    """

    space: LatentSpace
    centre: Tensor
    spread: Tensor

    @classmethod
    def of(cls, generator: Generator, name: str) -> Scale:
        """From samples.

        Raises:
            InterpganError: if the generator has no such space.
        """
        first = next(iter(generator.spaces))
        generator.to_space(generator.sample([0]), name)  # says so where there is no such space
        with torch.no_grad():
            seeds = range(SAMPLES)
            codes = torch.cat([b.codes for b in generator.stream(seeds, space=name or first)])
        space = generator.spaces[name]
        spread = codes.std(0)
        centre = codes.mean(0) if space.mean is None else space.mean
        return cls(space, centre, spread.clamp(min=float(SHARE * spread.mean())))

    def apart(self, codes: Tensor) -> Tensor:
        """Codes (n, *shape) as deviations."""
        return (codes - self.centre) / self.spread

    def codes(self, apart: Tensor) -> Tensor:
        """Deviations (n, *shape) as codes."""
        return self.centre + self.spread * apart
