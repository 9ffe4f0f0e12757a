"""Receptive fields: where a filter, or a group of filters, is most active."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.1
"""Of all positions, those of the highest activations; the same for every filter, so that overlaps compare."""


def receptive_fields(maps: Tensor) -> Tensor:
    """The positions of the highest activations.

    Args:
        maps: (n, m, h, w), none below 0.

    Returns:
        (n, m, h, w) bool; a share of `SHARE` each, fewer where a map is 0 elsewhere.

    Source:
        Bau et al., Network Dissection, CVPR 2017, section 2.2. Deviation: the threshold is that of each picture, not
        of all, so that a filter has a field in each.
    """
    flat = maps.flatten(2)
    threshold = flat.topk(max(round(SHARE * flat.shape[2]), 1), dim=2).values[..., -1:]
    return ((flat >= threshold) & (flat > 0)).view_as(maps)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union: (n, m, h, w) bool twice -> (n, m) float32, NaN where both are empty."""
    both = (a & b).sum((2, 3))
    return both / (a | b).sum((2, 3))


def unit_maps(maps: Tensor) -> Tensor:
    """Maps of unit length each, so that no filter dominates the mean of its group; zeros stay zeros."""
    import torch

    return torch.nn.functional.normalize(maps.flatten(2), dim=2).view_as(maps)
