"""The samples of a training, and how their codes are moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.ranges import Ranges
from interpgan_core.operators.builtin.sample import Sample

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from interpgan_core.generators.generator import Generator
    from interpgan_core.generators.spaces import LatentSpace

_SPREAD = 1024  # samples at most whose standard deviation is taken


def check_held_out(seeds: str, held_out: str, least: int = 2) -> None:
    """Check that samples to test on are enough, and none that are learnt from.

    Args:
        seeds: of the samples to learn from, as a recipe writes them.
        held_out: of those to test on.
        least: how few of these will do.

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
class TrainingCodes:
    """Codes of the samples that a training draws, in the space of an edit.

    Args:
        generator: that draws.
        space: of the directions, whose codes are single vectors.
        layers: that move.
        seeds: of the samples to learn from.
        classes: of all of them, or empty.

    Example:
        >>> import torch
        >>> from interpgan_core import Ranges
        >>> from interpgan_core.plugin import TrainingCodes
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> codes = TrainingCodes(generator, generator.spaces["w"], "all", Ranges("0-99"))
        >>> before = codes.of([3, 5])
        >>> after = codes.moved(before, torch.ones(2, 16))
        >>> bool((after.codes - before.codes).allclose(torch.ones(2, 16)))
        True
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
        """The samples of some seeds (n), in the space of the edit."""
        text = ",".join(map(str, seeds))
        return self.generator.to_space(
            Sample(seeds=text, classes=self.classes).run(self.generator), self.edit.name
        )

    def drawn(self, random: np.random.RandomState, count: int) -> LatentBatch:
        """Some of the samples to learn from, with replacement.

        Args:
            random: which draws them, such as one of a step alone.
            count: how many.

        Returns:
            The samples, in the space of the edit.
        """
        return self.of([self.seeds[int(i)] for i in random.randint(0, len(self.seeds), count)])

    def moved(self, batch: LatentBatch, offsets: Tensor) -> LatentBatch:
        """Codes with offsets, in the layers that move.

        Args:
            batch: n samples in the space of the edit.
            offsets: (n, d), in the space of the directions.

        Returns:
            The n samples, moved.
        """
        mask = self.edit.mask(self.layers).to(batch.codes.device)
        spread = offsets.to(batch.codes).view(len(offsets), *[1] * (mask.ndim - 1), -1)
        return replace(batch, codes=batch.codes + spread * mask)

    def spread(self) -> float:
        """Standard deviation of an entry of the codes, the root of the mean square over entries.

        Raises:
            InterpganError: if there is but one sample.
        """
        import torch

        text = ",".join(map(str, self.seeds[:_SPREAD]))
        batch = Sample(seeds=text, classes=self.classes).run(self.generator)
        codes = self.generator.to_space(batch, self.space.name).codes.double()
        if len(codes) < 2:
            raise InterpganError("one sample has no spread; give more 'seeds'")
        return float(torch.as_tensor(codes.var(0).mean().sqrt()))
