"""The step `ablate`: units switched off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.units import OnUnits

if TYPE_CHECKING:
    from torch import Tensor


class Ablate(OnUnits):
    """Switch units off: their feature maps become 0.

    Source: Bau et al., GAN Dissection, ICLR 2019, section 3.2.

    Example:
        >>> from interpgan_core import Ablate
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> edited = Ablate(layer="layers.2", units="0-3").run(generator.sample([7]), generator)
        >>> edited.edits[0].units
        (0, 1, 2, 3)
    """

    def value(
        self,
        batch: LatentBatch,
        generator: Generator,
        layer: str,
        units: tuple[int, ...],
        size: Sequence[int],
    ) -> Tensor:
        import torch

        return torch.zeros(1, len(units), 1, 1)
