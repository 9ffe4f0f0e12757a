"""Concepts of a layer as clusters of its positions, by what a generator's maps hold there.

Shape symbols: n samples, h w positions of the layer, d numbers of a position, k clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PRINCIPAL = 64
"""Principal coordinates that clusters are found in."""
FITTED = 40_000  # positions, of all samples, that the coordinates and the clusters are found from
STARTS = 3  # of k-means, of which the best is taken
CLAMP = 4.0  # standard deviations: beyond them activations count as this far from the mean


@dataclass(frozen=True, eq=False)
class Clusters:
    """How positions are told apart.

    Args:
        mean, std: (d,) of the activations.
        axes: (d, p) principal axes of standardised activations.
        centres: (k, p + 2), the largest cluster first; the last two numbers are the place.
        place: weight of a position's place in the picture.
    """

    mean: Tensor
    std: Tensor
    axes: Tensor
    centres: Tensor
    place: float

    def to(self, device: torch.device) -> Clusters:
        """The same on another device."""
        mean, std, axes, centres = (t.to(device) for t in (self.mean, self.std, self.axes, self.centres))
        return Clusters(mean, std, axes, centres, self.place)

    def labels(self, maps: Tensor) -> Tensor:
        """The cluster of each position.

        Args:
            maps: (n, d, h, w) float, from `stacked`.

        Returns:
            (n, h, w) int64.
        """
        rows = points(maps, self.mean, self.std, self.axes, self.place)
        return torch.cdist(rows, self.centres).argmin(1).view(len(maps), *maps.shape[2:])


def stacked(maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Maps of several layers at one size: (n, c, h', w') each -> (n, d, *size) float32."""
    return torch.cat([_resized(one.float(), size) for one in maps], 1)


def _resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    if maps.shape[2] > size[0]:
        return functional.adaptive_avg_pool2d(maps, (size[0], size[1]))
    return functional.interpolate(maps, size=list(size), mode="bilinear", align_corners=False)


def points(maps: Tensor, mean: Tensor, std: Tensor, axes: Tensor, place: float) -> Tensor:
    """Positions as points: principal coordinates of length 1, and the place.

    Args:
        maps: (n, d, h, w).
        mean, std: (d,).
        axes: (d, p).
        place: weight of the place.

    Returns:
        (n h w, p + 2) float32.
    """
    rows = maps.movedim(1, -1)
    coordinates = functional.normalize(((rows - mean) / std).clamp(-CLAMP, CLAMP) @ axes, dim=-1)
    y, x = (torch.linspace(-1, 1, size, device=maps.device) for size in maps.shape[2:])
    where = place * torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
    return torch.cat([coordinates, where.expand(len(maps), -1, -1, -1)], -1).flatten(0, 2)


def some_positions(maps: Tensor, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Positions of a sample, chosen at random.

    Args:
        maps: (1, d, h, w), from `stacked`.
        count: how many; all where there are fewer.
        random: the source of chance.

    Returns:
        Their activations (p, d), and their places (p, 2), down and right from -1 to 1.
    """
    height, width = maps.shape[2:]
    chosen = torch.randperm(height * width, generator=random)[:count]
    y, x = chosen // width, chosen % width
    places = torch.stack([2 * y / max(height - 1, 1) - 1, 2 * x / max(width - 1, 1) - 1], 1)
    return maps[0].flatten(1)[:, chosen.to(maps.device)].T.cpu(), places


def find_clusters(rows: Tensor, places: Tensor, count: int, place: float, seed: int) -> Clusters:
    """Find clusters of positions.

    Args:
        rows: (p, d) float32, activations.
        places: (p, 2) where the positions are.
        count: k.
        place: weight of the place.
        seed: of the clusters to start from.

    Returns:
        The clusters, on the CPU.

    Source:
        k-means on activations: Collins et al., Editing in Style, CVPR 2020. Deviations: activations are standardised,
        in principal coordinates, of several layers; where in the picture they are counts a little, so that eyes and
        lips, which resemble each other, fall apart.
    """
    from sklearn.cluster import KMeans

    mean, std = rows.mean(0), rows.std(0).clamp(min=1e-6)
    standard = ((rows - mean) / std).clamp(-CLAMP, CLAMP)
    centred = standard - standard.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    axes = vectors[:, -PRINCIPAL:].contiguous()
    coordinates = functional.normalize(standard @ axes, dim=1)
    known = torch.cat([coordinates, place * places], 1).numpy()
    found = KMeans(count, n_init=STARTS, random_state=seed).fit(known)
    sizes = torch.from_numpy(found.labels_).long().bincount(minlength=count)
    centres = torch.from_numpy(found.cluster_centers_)[sizes.argsort(descending=True, stable=True)]
    return Clusters(mean, std, axes, centres.float(), place)
