"""The operator `dissection.rank`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Generator,
    Input,
    InRegion,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    RankedUnits,
    Region,
    Seeds,
    SoftSegmenter,
    parts_of,
)
from interpgan_dissection.dissection import LEVELS, Dissection, fractions

if TYPE_CHECKING:
    from torch import Tensor


class RankUnits(Operator):
    """Put the units of a dissected layer in order: by how well they tell a part, by what happens to it without
    them, or by how they answer in a region that you choose.

    - iou: intersection over union with the part, at the level where a unit tells most of it.
    - iqr: information quality ratio, the highest of all levels.
    - ace: average causal effect: the share of each unit that it takes to remove the part and to bring it, by gradient
      descent through a segmenter.
    - selection: how rare a unit's answers in the region are; no part, no segmenter.

    Source: Bau et al., GAN Dissection, ICLR 2019, section 3; selection: Bau et al., Rewriting a Deep Generative Model,
        ECCV 2020.
    """

    dissection: Input[Dissection]
    by: Literal["iou", "iqr", "ace", "selection"] = "iou"
    part: str | None = None
    """What the units are to draw; not for a selection."""
    region: Region | None = None
    """Of a selection: [top, left, bottom, right] as shares of the height and width, or a picture, bright there."""
    samples: Input[LatentBatch] | None = None
    """Of a selection: whose region it is."""
    segmenter: Input[SoftSegmenter] | None = None
    """Of ace: finds the part, and says how sure it is."""
    count: Annotated[int, Field(ge=1)] = 20
    """How many units are kept, the best first."""
    seeds: Seeds = "20000-20999"
    """Of ace: the samples to choose from."""
    pairs: Annotated[int, Field(ge=1)] = 100
    """Of ace: how many samples with the part, and how many places without it, are chosen."""
    rounds: Annotated[int, Field(ge=1)] = 5
    """Of ace: how often each of them is looked at."""
    penalty: Annotated[float, Field(ge=0)] = 0.005
    """Of ace: on the sum of the squared shares of the units; the higher, the fewer units."""
    batch_size: Annotated[int, Field(ge=1)] = 10
    """Samples at once."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.by == "selection":
            if self.region is None or self.samples is None:
                raise InterpganError(
                    "units of a selection answer in the region of some samples; name both, as region and samples"
                )
            if self.part is not None:
                raise InterpganError(
                    "a selection needs no part; leave 'part' out, or rank by iou, iqr or ace"
                )
            return self
        if self.part is None:
            raise InterpganError(f"units are ranked by {self.by} for a part; name it in 'part'")
        if self.region is not None or self.samples is not None:
            raise InterpganError(
                "region and samples are of a selection; leave them out, or rank by: selection"
            )
        if self.by == "ace" and self.segmenter is None:
            raise InterpganError(
                "ranking by ace edits pictures and looks for the part; name a step in 'segmenter'"
            )
        return self

    def check(self, generator: Generator) -> RankedUnits:
        self.dissection.require_generator(generator)
        part = self._part()
        self._segmenter_knows_the_parts()
        if self.region is not None:
            maps = generator.features(generator.sample([0]), [self.dissection.layer])[self.dissection.layer]
            self._mask(maps)
        if self.count > len(self.dissection):
            raise InterpganError(
                f"'count' {self.count}: layer {self.dissection.layer} has {len(self.dissection)} units"
            )
        levels = (*LEVELS, "mean") if part is None else (*LEVELS, "mean", "map")
        return RankedUnits.expected(self.dissection.layer, self.count, levels, generator)

    def run(self, generator: Generator, progress: Progress) -> RankedUnits:
        """Rank.

        Raises:
            InterpganError: if another generator was dissected, or the dissection knows no such part.
        """
        import torch

        self.check(generator)
        part = self._part()
        levels = self.dissection.levels_for(part)
        with torch.no_grad():
            if part is None:
                scores, levels["mean"] = self._selected(generator)
            elif self.by == "ace":
                scores = self._causal(generator, part, progress)
            else:
                found = self.dissection.best_union if self.by == "iou" else self.dissection.ratio
                scores = found[:, part]
        order = scores.double().argsort(descending=True, stable=True)[: self.count]
        return RankedUnits(
            self.dissection.layer,
            tuple(order.tolist()),
            scores.double()[order],
            {name: values[order].float() for name, values in levels.items()},
            f"{self.part or 'a region'}, by {self.by}",
            generator.fingerprint,
        )

    def _part(self) -> int | None:
        if self.part is None:
            return None
        part = self.dissection.part(self.part)
        if not float(self.dissection.shares[part]):
            raise InterpganError(
                f"no sample that was dissected has the part '{self.part}'; dissect others, or more"
            )
        return part

    def _segmenter_knows_the_parts(self) -> None:
        if self.segmenter is not None and parts_of(self.segmenter) != self.dissection.parts:
            raise InterpganError("the layer was dissected with another segmenter; give the same to both")

    def _mask(self, maps: Tensor) -> Tensor:
        mask = InRegion(region=self.region).mask(maps[:, :3], maps.shape[2:])
        if bool((mask == mask.flatten()[0]).all()):
            raise InterpganError(
                "the region covers all positions of the maps alike, so every unit answers in it; make it smaller"
            )
        return mask

    def _selected(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """Scores and means in the region."""
        import torch

        from interpgan_dissection.selection import answers

        assert self.samples is not None
        layer = self.dissection.layer
        maps = torch.cat(
            [generator.features(one, [layer])[layer].float().cpu() for one in self.samples.split(1)]
        )
        mask = self._mask(maps)
        scores = answers(maps, mask, self.dissection.quantiles, fractions())
        weights = mask.expand(len(maps), 1, *maps.shape[2:])
        return scores, (maps * weights).sum((0, 2, 3)) / weights.sum()

    def _causal(self, generator: Generator, part: int, progress: Progress) -> Tensor:
        from interpgan_dissection.ace import Target, find_places, optimise

        assert self.segmenter is not None
        found = self.dissection
        target = Target(found.layer, part, len(found.parts), found.means[:, part])
        seeds = Ranges(self.seeds)
        places = find_places(generator, self.segmenter, target, seeds, self.pairs, self.batch_size, progress)
        best = found.best_union[:, part]
        start = best / best.max().clamp(min=1e-12)
        return optimise(
            generator,
            self.segmenter,
            target,
            places,
            start,
            self.penalty,
            self.rounds,
            self.batch_size,
            progress,
        )
