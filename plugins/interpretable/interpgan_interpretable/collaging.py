"""The operator `interpretable.collage`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from interpgan_core import EditOperator, FeatureEdit, Generator, Input, LatentBatch
from interpgan_interpretable.maps import check_layer, maps_of
from interpgan_interpretable.pairing import as_many
from interpgan_interpretable.segmenting import Segmenter, mask_of

Parts = Annotated[tuple[str, ...], Field(min_length=1)]


class Collage(EditOperator):
    """Feature-map collaging: all maps of a layer come from other samples where a part is, in one or the other.

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

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if there is no such layer or part, or samples and sources cannot be paired."""
        import torch

        check_layer(generator, self.layer)
        source = as_many(self.source, batch)
        if not len(batch):
            return batch
        value = maps_of(generator, source, self.layer)
        masks = [
            mask_of(self.segmenter, picture, self.parts, value.shape[2:])
            for samples in (batch, source)
            for picture in generator.pictures(samples)
        ]
        here, there = torch.cat(masks).view(2, *value[:, :1].shape)
        units = tuple(range(value.shape[1]))
        edit = FeatureEdit(self.layer, units, value, torch.maximum(here, there))
        return replace(batch, edits=(*batch.edits, edit))
