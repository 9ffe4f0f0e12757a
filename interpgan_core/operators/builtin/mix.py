"""The step `mix`: style mixing."""

from __future__ import annotations

from dataclasses import replace

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.generators.ranges import Layers
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.fields import Input


class Mix(EditOperator):
    """Style mixing: the chosen layers take their codes from other samples.

    Source: Karras et al., StyleGAN, CVPR 2019, section 3.1. Of the source only the codes are used.

    Example:
        >>> from interpgan_core import Mix
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> Mix(source=generator.sample([8]), layers="0-2").run(generator.sample([7]), generator).space.name
        'w+'
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layers: Layers
    cross: bool = False
    """Every sample with every source: a grid whose first column is the sample itself."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        order = list(generator.spaces)
        start = max(order.index(batch.space.name), order.index(self.source.space.name))
        layered = [n for n in order[start:] if generator.spaces[n].layer_of is not None]
        if not layered:
            raise InterpganError("this generator has no space with layers, so there is nothing to mix")
        source = generator.to_space(self.source, layered[0])
        batch = generator.to_space(batch, layered[0])
        if not self.cross:
            return batch.with_layers(self.layers, source.paired_with(batch).codes)
        columns = len(source) + 1
        rows = batch.repeat(columns)
        others = torch.cat([batch.codes[:, None], source.codes.expand(len(batch), *source.codes.shape)], 1)
        mixed = rows.with_layers(self.layers, others.flatten(0, 1))
        captions = ("original", *(source.name_of(i) for i in range(len(source))))
        return replace(mixed, grid=Grid(captions, origin=0))
