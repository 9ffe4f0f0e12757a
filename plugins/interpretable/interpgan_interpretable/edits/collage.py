"""The operator `interpretable.collage`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core import EditOperator, FeatureEdit, Generator, Input, LatentBatch, Parts, Segmenter, mask_of
from interpgan_interpretable.layers import maps_of

if TYPE_CHECKING:
    from torch import Tensor


class Collage(EditOperator):
    """Feature-map collaging: inside a part, in either sample, all maps of a layer come from the source.

    A baseline of the exchange of concepts. Source: Suzuki et al., Spatially Controllable Image Synthesis with Internal
        Representation Collaging, 2018, as table 4 of Li et al., AAAI 2022, compares with it. Deviation: the mask is
        a segmenter's, not drawn by hand.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layer: str
    """Name of a synthesis layer."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts."""
    box: bool = False
    """Take the bounding box of the part, as a region marked by hand, rather than its outline."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if there is no such layer or part, or samples and sources cannot be paired."""
        import torch

        generator.require_layer(self.layer)
        source = self.source.paired_with(batch)
        if not len(batch):
            return batch
        value = maps_of(generator, source, self.layer)
        masks = [
            mask_of(self.segmenter, image, self.parts, value.shape[2:])
            for samples in (batch, source)
            for image in generator.iter_images(samples)
        ]
        here, there = torch.cat(masks).view(2, *value[:, :1].shape)
        units = tuple(range(value.shape[1]))
        where = torch.maximum(here, there)
        edit = FeatureEdit(self.layer, units, value, bounding_box(where) if self.box else where)
        return replace(batch, edits=(*batch.edits, edit))


def bounding_box(masks: Tensor) -> Tensor:
    """The bounding box of each mask.

    Args:
        masks: (n, 1, h, w) from 0 to 1; a position is inside from 0.5 on.

    Returns:
        (n, 1, h, w) of 0 and 1; no box where no position is inside.
    """
    inside = masks >= 0.5
    rows, columns = inside.any(3, keepdim=True), inside.any(2, keepdim=True)
    for axis, lines in ((2, rows), (3, columns)):
        from_start = lines.int().cummax(axis).values
        from_end = lines.flip(axis).int().cummax(axis).values.flip(axis)
        lines.copy_((from_start & from_end).bool())
    return (rows & columns).to(masks.dtype)
