"""The operator `interpretable.panda`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    EditOperator,
    FeatureEdit,
    Generator,
    Input,
    LatentBatch,
    Parts,
    Ranges,
    Seeds,
    Segmenter,
    check_parts,
    mask_of,
)
from interpgan_interpretable.edits.factors import factorised, gram
from interpgan_interpretable.layers import maps_of

if TYPE_CHECKING:
    from torch import Tensor

START = 0.01  # factors start between 0 and this
MOSTLY = 0.5  # of a factor in the part: it is one of the part's


class ExchangePanda(EditOperator):
    """PandA: a part's appearance, its mean activation, becomes the source's where the factors of the part are.

    A baseline of the exchange of concepts. Maps are factorised into factors over positions, without labels; the
    segmenter tells which of them are the part.

    Source: Oldfield et al., PandA: Unsupervised Learning of Parts and Appearances in the Feature Maps of GANs, ICLR
        2023: the semi-nonnegative factorisation, its refinement to one sample, and the edit Z + a p^T. Deviations:
        steps are as long as lowers the error, in place of a rate of 1e-8; there are as many appearances as channels,
        as the authors take, and the one that is added is the difference between the source's and the sample's.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layer: str
    """Name of a synthesis layer."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts."""
    factors: Annotated[int, Field(ge=1)] = 8
    """Number of factors."""
    seeds: Seeds = "0-99"
    """The samples whose maps are factorised."""
    steps: Annotated[int, Field(ge=1)] = 500
    """Of the factorisation, at most."""
    refine: Annotated[int, Field(ge=0)] = 100
    """Steps for each sample alone, from the factors of all."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the factors to start from."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        generator.require_layer(self.layer)
        check_parts(self.segmenter, self.parts)
        return batch

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if there is no such layer or part, or samples and sources cannot be paired."""
        import torch

        generator.require_layer(self.layer)
        source = self.source.paired_with(batch)
        if not len(batch):
            return batch
        factors, chosen = self._found(generator)
        maps, theirs = (maps_of(generator, x, self.layer) for x in (batch, source))
        values = []
        for own, other in zip(maps.flatten(2), theirs.flatten(2), strict=True):
            here, there = (
                part_map(factorised(gram(x), factors, self.refine)[:, chosen]).to(x) for x in (own, other)
            )
            values.append(own + torch.outer(mean_in(other, there) - mean_in(own, here), here))
        value = torch.stack(values).view_as(maps)
        edit = FeatureEdit(self.layer, tuple(range(value.shape[1])), value, torch.ones(1, 1, 1, 1))
        return replace(batch, edits=(*batch.edits, edit))

    def _found(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """The factors of all samples, (h w, r) float64; and which of them are the part's, (r,) bool."""
        import torch

        seeds = Ranges(self.seeds)
        scatter, masks = torch.zeros(()), torch.zeros(())
        for one in generator.stream(seeds, 1):
            maps = maps_of(generator, one, self.layer)
            (image,) = generator.iter_images(one)
            scatter = scatter + gram(maps[0].flatten(1)) / len(seeds)
            masks = masks + mask_of(self.segmenter, image, self.parts, maps.shape[2:]).flatten() / len(seeds)
        random = torch.Generator().manual_seed(self.seed)
        start = START * torch.rand(len(scatter), self.factors, generator=random, dtype=torch.float64)
        factors = factorised(scatter, start.to(scatter), self.steps)
        return factors, of_part(factors, masks)


def of_part(factors: Tensor, mask: Tensor) -> Tensor:
    """Which factors are a part's: those that lie in it more than half, or at least that which does most.

    Args:
        factors: (k, r), none below 0.
        mask: (k,) from 0 to 1: how often each position is of the part.

    Returns:
        (r,) bool.
    """
    shares = (factors.T @ mask.to(factors)) / factors.sum(0).clamp(min=1e-12)
    return (shares > MOSTLY) | (shares == shares.max())


def part_map(factors: Tensor) -> Tensor:
    """Where some factors, (k, r), are: (k,) from 0 to 1."""
    where = factors.sum(1)
    return (where - where.min()) / (where.max() - where.min()).clamp(min=1e-12)


def mean_in(maps: Tensor, where: Tensor) -> Tensor:
    """The mean activation (c,) of maps (c, k) where weights (k,) are."""
    return maps @ where / where.sum().clamp(min=1e-12)
