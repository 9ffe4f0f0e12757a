"""The operator `interpretable.retrieve-in-style`."""

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
from interpgan_interpretable.edits.editing_in_style import cluster_of, restyled, spherical_kmeans
from interpgan_interpretable.layers import maps_of

if TYPE_CHECKING:
    from torch import Tensor

COARSEST = 8  # positions: styles of smaller maps are those of hair and pose


class RetrieveInStyle(EditOperator):
    """Retrieve in Style: styles move to the source's in all layers, each channel's by its share in the part.

    A baseline of the exchange of concepts. Clusters of one layer's activations are found without labels; the segmenter
    tells which of them is the part.

    Source: Chong et al., Retrieve in Style: Unsupervised Facial Feature Transfer and Retrieval, ICCV 2021, section 3:
        shares of squared activations in each cluster, s' = (1 - q) s + q t with the shares q of the part's, and the
        coarse layers' styles for hair and pose alone. Deviations: the style of a channel is the mean and the standard
        deviation of its map, which every generator has, in place of StyleGAN 2's codes.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layer: str
    """Name of the synthesis layer that is clustered."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts."""
    coarse: bool = False
    """Styles of layers of up to 8 x 8 positions, too: for hair, which changes the outline."""
    clusters: Annotated[int, Field(ge=2)] = 12
    seeds: Seeds = "0-49"
    """The samples whose activations are clustered."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the initial clusters."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        generator.require_layer(self.layer)
        check_parts(self.segmenter, self.parts)
        return batch

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if there is no such layer or part, or samples and sources cannot be paired."""
        generator.require_layer(self.layer)
        source = self.source.paired_with(batch)
        if not len(batch):
            return batch
        shares = self._shares(generator)
        # Layer by layer: what a layer draws depends on what those before it have become.
        for name, share in shares.items():
            value = restyled(maps_of(generator, batch, name), maps_of(generator, source, name))
            edit = FeatureEdit(name, tuple(range(value.shape[1])), value, share.view(1, -1, 1, 1))
            batch = replace(batch, edits=(*batch.edits, edit))
        return batch

    def _shares(self, generator: Generator) -> dict[str, Tensor]:
        """By layer, in forward order, each channel's share in the part, (c,) float32."""
        import torch

        inside = self._inside(generator)
        names = [
            name
            for name, (_, height, _) in generator.layer_shapes().items()
            if name in generator.own_layers and (self.coarse or height > COARSEST)
        ]
        inside_of, everywhere = ({name: torch.zeros(()) for name in names} for _ in range(2))
        for one, where in zip(generator.stream(Ranges(self.seeds), 1), inside, strict=True):
            with torch.no_grad():
                maps = generator.features(one, names)
            for name, value in maps.items():
                own, every = in_and_all(value.float(), where)
                inside_of[name], everywhere[name] = inside_of[name] + own, everywhere[name] + every
        return {name: inside_of[name] / everywhere[name].clamp(min=1e-12) for name in names}

    def _inside(self, generator: Generator) -> Tensor:
        """(n, 1, h, w) float32: where the cluster is that agrees best with the part."""
        import torch

        batch = generator.sample(Ranges(self.seeds))
        maps = maps_of(generator, batch, self.layer)
        masks = [mask_of(self.segmenter, i, self.parts, maps.shape[2:]) for i in generator.iter_images(batch)]
        part = torch.cat(masks).flatten()
        clusters = spherical_kmeans(maps.movedim(1, -1).flatten(0, 2), self.clusters, self.seed)
        return cluster_of(clusters, part).float().view(len(batch), 1, *maps.shape[2:])


def in_and_all(maps: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Each channel's squares inside of a mask, and everywhere: deviations from its mean.

    Args:
        maps: (1, c, h, w).
        where: (1, h', w') from 0 to 1; brought to the maps' size.

    Returns:
        (c,) and (c,).
    """
    from torch.nn import functional

    squares = (maps - maps.mean((2, 3), keepdim=True)).square()
    mask = functional.interpolate(
        where[None], size=maps.shape[2:], mode="bilinear", align_corners=False, antialias=True
    )
    return (squares * mask).sum((0, 2, 3)), squares.sum((0, 2, 3))
