"""The samples of a training, and how their codes are moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, Ranges, Sample

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_SPREAD = 1024  # samples at most whose standard deviation is taken


def space_of(generator: Generator, name: str | None) -> LatentSpace:
    """The space of directions: of a name, or the last of single vectors, such as s, which is the most supple.

    Raises:
        InterpganError: if there is none of that name, or its codes are not single vectors.
    """
    vectors = [space.name for space in generator.spaces.values() if len(space.shape) == 1]
    return generator.vector_space(name or vectors[-1])


def check_held_out(seeds: str, held_out: str, least: int = 2) -> None:
    """Check that samples to test on are enough, and none that are learnt from.

    Raises:
        InterpganError: if they are not.
    """
    if len(Ranges(held_out)) < least:
        raise InterpganError(f"'held_out' tests on too few samples; give {least} at least, better 64")
    for one in Ranges(seeds).parts:
        for other in Ranges(held_out).parts:
            if max(one.start, other.start) < min(one.stop, other.stop):
                raise InterpganError("'held_out' has samples that are learnt from; give others than 'seeds'")


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of samples in the space of an edit.

    Args:
        generator: that draws.
        space: of the directions, whose codes are single vectors.
        layers: that move.
        seeds: of the samples to learn from.
        classes: of all of them, or empty.
    """

    generator: Generator
    space: LatentSpace
    layers: str
    seeds: Ranges
    classes: tuple[int | str, ...] = ()

    @property
    def edit(self) -> LatentSpace:
        """Where codes move."""
        return self.generator.spaces[self.generator.space_for(self.space.name, self.layers)]

    def of(self, seeds: Sequence[int]) -> LatentBatch:
        """The samples of some seeds, in the space of the edit."""
        text = ",".join(map(str, seeds))
        return self.generator.to_space(
            Sample(seeds=text, classes=self.classes).run(self.generator), self.edit.name
        )

    def drawn(self, random: np.random.RandomState, count: int) -> LatentBatch:
        """Some of the samples to learn from, with replacement."""
        return self.of([self.seeds[int(i)] for i in random.randint(0, len(self.seeds), count)])

    def moved(self, batch: LatentBatch, offsets: Tensor) -> LatentBatch:
        """Codes with offsets (n, d) of the space of the directions, in the layers that move."""
        mask = self.edit.mask(self.layers).to(batch.codes.device)
        spread = offsets.to(batch.codes).view(len(offsets), *[1] * (mask.ndim - 1), -1)
        return replace(batch, codes=batch.codes + spread * mask)

    def spread(self) -> float:
        """Standard deviation of an entry of the codes, the root of the mean square over entries."""
        import torch

        text = ",".join(map(str, self.seeds[:_SPREAD]))
        batch = Sample(seeds=text, classes=self.classes).run(self.generator)
        codes = self.generator.to_space(batch, self.space.name).codes.double()
        if len(codes) < 2:
            raise InterpganError("one sample has no spread; give more 'seeds'")
        return float(torch.as_tensor(codes.var(0).mean().sqrt()))
