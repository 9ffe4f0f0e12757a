"""Units of a layer, and the region of their maps: what `exchange` and `ablate` share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import FeatureEdit, LatentBatch
from interpgan_core.generators.ranges import Ranges, Units
from interpgan_core.operators.base import EditOperator

if TYPE_CHECKING:
    from torch import Tensor


Share = Annotated[float, Field(ge=0, le=1, strict=True)]


def _box(region: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    top, left, bottom, right = region
    if top >= bottom or left >= right:
        raise InterpganError("a region is [top, left, bottom, right], from 0 to 1, top above bottom")
    return region


Region = Annotated[tuple[Share, Share, Share, Share], AfterValidator(_box)]
"""[top, left, bottom, right] as shares of the height and width."""


class OnUnits(EditOperator):
    """An edit of some units of a layer, or of a concept, in a region."""

    layer: str | None = None
    """Name of a synthesis layer."""
    units: Units | None = None
    """Its channels, such as 0-31,40; all when left out."""
    concept: str | None = None
    """In place of layer and units: a concept of an interpretable generator."""
    region: Region | None = None
    """Only here; everywhere when left out."""

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
        edit = FeatureEdit(layer, units, self.value(batch, generator, layer, units), self._weight(maps))
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

    def _weight(self, maps: Any) -> Tensor:
        import torch

        height, width = maps.shape[-2:]
        if self.region is None:
            return torch.ones(1, 1, 1, 1)
        weight = torch.zeros(1, 1, height, width)
        top, left, bottom, right = self.region
        weight[
            ..., round(top * height) : round(bottom * height), round(left * width) : round(right * width)
        ] = 1
        return weight
