"""Counting, in one pass and constant memory, where units are on and which part is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CELLS = 2048
"""Levels that a unit can be cut at. Counts at each are exact; there are no others between them."""
MARGIN = 0.25
"""How far the levels reach beyond what the first samples show, as a share of their range."""
SIDE = 32
"""Positions along a side of the mean maps; those of larger layers are made smaller."""


def upsampled(maps: Tensor, height: int, width: int) -> Tensor:
    """Feature maps at the size of a picture: bilinear, pixels lie at their centres, edges are continued.

    Args:
        maps: (n, u, h, w) float.
        height, width: of the result.

    Returns:
        (n, u, height, width).

    Source:
        The geometry that the original code was written for; torch changed the meaning of its call since.
    """
    from torch.nn import functional

    return functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


def shares_of(labels: Tensor, parts: int, height: int, width: int) -> Tensor:
    """The share of each position that every part fills.

    Args:
        labels: (n, H, W) int64 below `parts`.
        parts: how many there are.
        height, width: of the maps.

    Returns:
        (n, parts, height, width) float32.
    """
    from torch.nn import functional

    whole = functional.one_hot(labels, parts).movedim(-1, 1).float()
    return functional.interpolate(whole, size=(height, width), mode="area")


def _no_smaller(labels: Tensor, height: int, width: int) -> Tensor:
    """Labels at the size of the maps, where these are larger."""
    if labels.shape[1] >= height and labels.shape[2] >= width:
        return labels
    from torch.nn import functional

    return functional.interpolate(labels[:, None].float(), size=(height, width), mode="nearest")[:, 0].long()


@dataclass(frozen=True)
class Scale:
    """The levels that each unit is cut at: `low + k / density`, k = 0 … CELLS - 1.

    Args:
        low: (u,) float32, the lowest level.
        density: (u,) float32, levels in a step of 1.
    """

    low: Tensor
    density: Tensor

    @classmethod
    def of(cls, maps: Tensor) -> Scale:
        """The scale for maps like these.

        Args:
            maps: (n, u, h, w) float32, of some samples.
        """
        low, high = maps.amin((0, 2, 3)).cpu(), maps.amax((0, 2, 3)).cpu()
        spread = (high - low).clamp(min=1e-12)
        return cls(low - MARGIN * spread, (CELLS - 1) / ((1 + 2 * MARGIN) * spread))

    def cells(self, values: Tensor, unit: int) -> Tensor:
        """How many of the levels 1, 2, … each value of a unit reaches: int64 below CELLS; the values are changed."""
        import torch

        low, density = float(self.low[unit]), float(self.density[unit])
        return values.sub_(low).mul_(density).clamp_(0, CELLS - 1).to(torch.int64)

    def level(self, cell: Tensor) -> Tensor:
        """Args: cell: (u,) or (u, k) int64. Returns: float64, the level that these and higher cells reach."""
        shape = (-1, *[1] * (cell.ndim - 1))
        return self.low.double().view(shape) + cell / self.density.double().view(shape)


class Tally:
    """Counts of positions by unit, level and part, sums for the mean where each part is, and the strongest samples.

    Args:
        scale: of the units' levels.
        parts: how many there are.
        top: how many samples are kept of each unit.
    """

    def __init__(self, scale: Scale, parts: int, top: int) -> None:
        import torch

        units = len(scale.low)
        self.scale, self.parts = scale, parts
        self._counts = torch.zeros(units, CELLS * parts, dtype=torch.int64)
        self._sums = torch.zeros(units, parts, dtype=torch.float64)
        self._shares = torch.zeros(parts, dtype=torch.float64)
        self._areas = torch.zeros(parts, dtype=torch.float64)
        self._maps: Tensor | None = None
        self.top_values = torch.full((units, top), -torch.inf)
        self.top_seeds = torch.full((units, top), -1)

    def add(self, maps: Tensor, labels: Tensor, seeds: Tensor) -> None:
        """Count some samples.

        Args:
            maps: (n, u, h, w) float32.
            labels: (n, H, W) int64, the part of each pixel.
            seeds: (n,) int64.
        """
        import numpy as np
        import torch

        labels = _no_smaller(labels, *maps.shape[2:])
        shares = shares_of(labels, self.parts, *maps.shape[2:])
        by_unit = maps.transpose(0, 1).contiguous()
        offsets = labels * CELLS
        for unit, own in enumerate(by_unit):
            # One unit at a time: its numbers stay in the processor's cache.
            cells = self.scale.cells(upsampled(own[None], *labels.shape[1:])[0], unit).add_(offsets)
            found = np.bincount(cells.flatten().cpu().numpy(), minlength=CELLS * self.parts)
            self._counts[unit] += torch.from_numpy(found)
        flat = by_unit.flatten(1)
        weights = shares.transpose(0, 1).flatten(1)
        self._sums += (flat @ weights.T).double().cpu()
        self._shares += weights.double().sum(1).cpu()
        self._add_maps(maps, shares.mean((2, 3)))
        self._keep_strongest(maps.amax((2, 3)).T.cpu(), seeds.cpu())

    def _add_maps(self, maps: Tensor, areas: Tensor) -> None:
        """Sum the maps, each as often as its sample shows of a part."""
        from torch.nn import functional

        size = [min(side, SIDE) for side in maps.shape[2:]]
        small = functional.interpolate(maps, size=size, mode="area").flatten(1)
        sums = (areas.T @ small).view(self.parts, *maps.shape[1:2], *size).cpu()
        self._maps = sums if self._maps is None else self._maps + sums
        self._areas += areas.double().sum(0).cpu()

    def _keep_strongest(self, values: Tensor, seeds: Tensor) -> None:
        import torch

        values = torch.cat([self.top_values, values], 1)
        seeds = torch.cat([self.top_seeds, seeds.expand(len(values), -1)], 1)
        # Stable: of equal values the earlier sample stays.
        order = values.argsort(dim=1, descending=True, stable=True)[:, : self.top_values.shape[1]]
        self.top_values, self.top_seeds = values.gather(1, order), seeds.gather(1, order)

    def reached(self) -> Tensor:
        """(u, CELLS, parts) int64: positions of each part where a unit reaches each level; all of them at level 0."""
        counts = self._counts.view(len(self._counts), self.parts, CELLS)
        return counts.flip(2).cumsum(2).flip(2).transpose(1, 2).contiguous()

    def mean_maps(self) -> Tensor:
        """(parts, u, h, w) float32, at most SIDE positions a side: the mean map of the samples, weighted by how much
        each shows of a part; NaN for a part that is nowhere."""
        assert self._maps is not None
        return self._maps / self._areas.float().view(-1, 1, 1, 1)

    def means(self) -> Tensor:
        """(u, parts) float32: the mean of each unit where each part is; NaN for a part that is nowhere."""
        return (self._sums / self._shares).float()
