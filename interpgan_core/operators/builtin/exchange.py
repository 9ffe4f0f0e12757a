"""The step `exchange`: parts of one picture in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.units import OnUnits
from interpgan_core.operators.fields import Input

if TYPE_CHECKING:
    from torch import Tensor


class Exchange(OnUnits):
    """Put the feature maps of other samples into the batch: a part, a concept, a whole face.

    Example:
        >>> from interpgan_core import Exchange
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> top = Exchange(source=generator.sample([8]), layer="layers.1", region=(0, 0, 0.5, 1))
        >>> len(top.run(generator.sample([7, 9]), generator).edits)
        1
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""

    def value(
        self,
        batch: LatentBatch,
        generator: Generator,
        layer: str,
        units: tuple[int, ...],
        size: Sequence[int],
    ) -> Tensor:
        import torch

        self.source.check_pairs(batch)
        maps = [generator.features(one, [layer])[layer][:, list(units)] for one in self.source.split(1)]
        return torch.cat(maps).float()
