"""Units of a layer, and the region of their maps: what `exchange` and `ablate` share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import FeatureEdit, LatentBatch
from interpgan_core.generators.ranges import Ranges, Units
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.regions import InRegion

if TYPE_CHECKING:
    from torch import Tensor


class OnUnits(InRegion, EditOperator):
    """An edit of some units of a layer, or of a concept, in a region."""

    layer: str | None = None
    """Name of a synthesis layer."""
    units: Units | None = None
    """Its channels, such as 0-31,40; all when left out."""
    concept: str | None = None
    """In place of layer and units: a concept of an interpretable generator."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.layer is None) == (self.concept is None):
            raise InterpganError("name either a layer (with units) or a concept")
        if self.concept is not None and self.units is not None:
            raise InterpganError("a concept brings its own units; leave 'units' out")
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        layer, units = self._where(generator)
        # One sample tells the layer's size; a batch of none has nothing to edit.
        if not len(batch):
            return batch
        maps = generator.features(replace(batch[:1], edits=()), [layer])[layer]
        units = tuple(range(maps.shape[1])) if units is None else units
        if max(units) >= maps.shape[1]:
            raise InterpganError(f"layer {layer} has units 0-{maps.shape[1] - 1}, not {max(units)}")
        edit = FeatureEdit(
            layer,
            units,
            self.value(batch, generator, layer, units),
            self._weight(batch, generator, maps.shape[2:]),
        )
        return replace(batch, edits=(*batch.edits, edit))

    @abstractmethod
    def value(self, batch: LatentBatch, generator: Generator, layer: str, units: tuple[int, ...]) -> Tensor:
        """What the maps become: (n or 1, len(units), h or 1, w or 1) float32."""

    def _where(self, generator: Generator) -> tuple[str, tuple[int, ...] | None]:
        if self.concept is None:
            assert self.layer is not None
            generator.require_layer(self.layer)
            return self.layer, None if self.units is None else tuple(Ranges(self.units))
        if not generator.concepts:
            raise InterpganError("this generator has no concepts; name a layer and units instead")
        if self.concept not in generator.concepts:
            raise InterpganError(
                f"there is no concept '{self.concept}'" + did_you_mean(self.concept, generator.concepts)
            )
        return generator.concepts[self.concept]

    def _weight(self, batch: LatentBatch, generator: Generator, size: Sequence[int]) -> Tensor:
        import torch

        if self.everywhere:
            return torch.ones(1, 1, 1, 1)
        if self.parts is None:
            return self.mask(torch.zeros(1, 3, 1, 1), size)
        return torch.cat([self.mask(image, size) for image in generator.iter_images(batch, 1)])
