"""Units of a layer, and the region of their maps: what `exchange`, `ablate` and `insert` share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import FeatureEdit, LatentBatch
from interpgan_core.generators.ranges import Ranges, Units
from interpgan_core.generators.ranked import RankedUnits
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.fields import Input
from interpgan_core.operators.regions import InRegion

if TYPE_CHECKING:
    from torch import Tensor


class OnUnits(InRegion, EditOperator):
    """An edit of some units of a layer, of a concept, or of ranked units, in a region."""

    layer: str | None = None
    """Name of a synthesis layer."""
    units: Units | None = None
    """Its channels, such as 0-31,40; all when left out."""
    concept: str | None = None
    """In place of layer and units: a concept of an interpretable generator."""
    ranked: Input[RankedUnits] | None = None
    """In place of these: units that a step has ranked, such as dissection.rank."""
    count: Annotated[int, Field(ge=1)] | None = None
    """How many of the ranked units, the best first; all when left out."""
    edge: Literal["soft", "whole"] = "soft"
    """soft: a position of the maps is edited by the share of it that is in the region; whole: all of it, if any is."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [way for way in (self.layer, self.concept, self.ranked) if way is not None]
        if len(ways) != 1:
            raise InterpganError("name either a layer (with units), or a concept, or ranked units")
        if self.layer is None and self.units is not None:
            what = "a concept brings its" if self.ranked is None else "ranked units bring their"
            raise InterpganError(f"{what} own units; leave 'units' out")
        if self.ranked is None and self.count is not None:
            raise InterpganError("'count' is how many of the ranked units are edited; name those in 'ranked'")
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
            self.value(batch, generator, layer, units, maps.shape[2:]),
            self._weight(batch, generator, maps.shape[2:]),
        )
        return replace(batch, edits=(*batch.edits, edit))

    @abstractmethod
    def value(
        self,
        batch: LatentBatch,
        generator: Generator,
        layer: str,
        units: tuple[int, ...],
        size: Sequence[int],
    ) -> Tensor:
        """What the maps, of height and width `size`, become: (n or 1, len(units), h or 1, w or 1) float32."""

    def chosen(self) -> RankedUnits:
        """The ranked units that are edited."""
        assert self.ranked is not None
        return self.ranked if self.count is None else self.ranked.first(self.count)

    def _where(self, generator: Generator) -> tuple[str, tuple[int, ...] | None]:
        if self.ranked is not None:
            self.ranked.require_generator(generator)
            generator.require_layer(self.ranked.layer)
            return self.ranked.layer, self.chosen().units
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
            mask = self.mask(torch.zeros(1, 3, 1, 1), size)
        else:
            mask = torch.cat([self.mask(image, size) for image in generator.iter_images(batch, 1)])
        return mask if self.edge == "soft" else (mask > 0).to(mask)
