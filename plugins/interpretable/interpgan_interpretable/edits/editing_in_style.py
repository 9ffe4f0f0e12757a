"""The operator `interpretable.editing-in-style`."""

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
from interpgan_interpretable.layers import maps_of

if TYPE_CHECKING:
    from torch import Tensor


class EditInStyle(EditOperator):
    """Editing in Style: the style of each channel moves to the source's, by the channel's share in the part.

    A baseline of the exchange of concepts. Clusters of the layer's activations are found without labels; the
    segmenter tells which of them is the part.

    Source: Collins et al., Editing in Style: Uncovering the Local Semantics of GANs, CVPR 2020, sections 3.1 and 3.2,
        the simultaneous solution. Deviations: the style of a channel is the mean and the standard deviation of its
        map, which StyleGAN 1 sets by a style and which every generator has; one layer is edited, that of the concepts
        compared with.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layer: str
    """Name of a synthesis layer."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts."""
    strength: Annotated[float, Field(gt=0)] = 5.0
    """λ: a channel takes the source's style in full where its share in the part is 1/λ or more."""
    clusters: Annotated[int, Field(ge=2)] = 12
    seeds: Seeds = "0-99"
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
        weight = (self.strength * self._shares(generator)).clamp(max=1).view(1, -1, 1, 1)
        value = restyled(maps_of(generator, batch, self.layer), maps_of(generator, source, self.layer))
        edit = FeatureEdit(self.layer, tuple(range(value.shape[1])), value, weight)
        return replace(batch, edits=(*batch.edits, edit))

    def _shares(self, generator: Generator) -> Tensor:
        """(c,) float32; each channel's share in the cluster that agrees best with the part."""
        import torch

        batch = generator.sample(Ranges(self.seeds))
        maps = maps_of(generator, batch, self.layer)
        masks = torch.cat(
            [mask_of(self.segmenter, i, self.parts, maps.shape[2:]) for i in generator.iter_images(batch)]
        )
        columns = maps.movedim(1, -1).flatten(0, 2)
        clusters = spherical_kmeans(columns, self.clusters, self.seed)
        return contributions(columns, cluster_of(clusters, masks.flatten()))


def spherical_kmeans(columns: Tensor, count: int, seed: int) -> Tensor:
    """Clusters of activations by their direction.

    Args:
        columns: (p, c); activations, one row a position.
        count: clusters.
        seed: of the initial clusters.

    Returns:
        (p,) int64.
    """
    import torch
    from sklearn.cluster import KMeans

    rows = torch.nn.functional.normalize(columns, dim=1).cpu().numpy()
    labels = KMeans(count, n_init=1, random_state=seed).fit(rows).labels_
    return torch.from_numpy(labels).long().to(columns.device)


def cluster_of(clusters: Tensor, part: Tensor) -> Tensor:
    """Where the cluster is that agrees best with a part: the most intersection over union.

    Args:
        clusters: (p,) int64, from `spherical_kmeans`.
        part: (p,) from 0 to 1.

    Returns:
        (p,) bool.
    """
    sizes = clusters.bincount()
    shared = clusters.bincount(part, minlength=len(sizes))
    return clusters == (shared / (sizes + part.sum() - shared)).argmax()


def contributions(columns: Tensor, inside: Tensor) -> Tensor:
    """The share of each channel's squared activations that is in a cluster.

    Args:
        columns: (p, c).
        inside: (p,) bool.

    Returns:
        (c,) from 0 to 1, after the channel's mean is subtracted.
    """
    squares = (columns - columns.mean(0)).square()
    return squares[inside].sum(0) / squares.sum(0).clamp(min=1e-12)


def restyled(maps: Tensor, like: Tensor) -> Tensor:
    """Maps with each channel's mean and standard deviation in other maps: (n, c, h, w) both."""
    mean, new_mean = (m.mean((2, 3), keepdim=True) for m in (maps, like))
    std, new_std = (m.std((2, 3), keepdim=True, correction=0) for m in (maps, like))
    return (maps - mean) / std.clamp(min=1e-8) * new_std + new_mean
