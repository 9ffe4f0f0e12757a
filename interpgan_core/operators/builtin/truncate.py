"""The step `truncate`."""

from __future__ import annotations

from typing import Annotated

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.ranges import Layers
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.controls import Shown


class Truncate(EditOperator):
    """Pull codes towards their mean: `mean + psi * (code - mean)`; psi 1 changes nothing, 0 is the mean.

    Source: Karras et al., StyleGAN, CVPR 2019, appendix B. It acts where it stands in the recipe: an edit
    before it is scaled by psi too (InterFaceGAN's order), one after it is not (SeFa's).

    Example:
        >>> import torch
        >>> from interpgan_core import Truncate
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> mean = Truncate(psi=0).run(generator.sample([7, 8]), generator).codes
        >>> torch.equal(mean[0], mean[1])
        True
    """

    psi: Annotated[float, Shown(0, 1.2, 0.05)] = 0.7
    layers: Layers = "all"

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        order = list(generator.spaces)
        for name in order[order.index(batch.space.name) :]:
            space = generator.spaces[name]
            if space.mean is not None and (self.layers == "all" or space.layer_of is not None):
                batch = generator.to_space(batch, name)
                mean = space.mean.to(batch.codes.device)
                pulled = mean + self.psi * (batch.codes - mean)
                return batch.with_layers(self.layers, pulled)
        raise InterpganError(
            f"codes in {batch.space.name} cannot be truncated: no space from there on has a known mean"
            + ("" if self.layers == "all" else " and layers")
        )
