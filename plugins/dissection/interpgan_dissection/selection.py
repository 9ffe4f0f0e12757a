"""Which units answer in a selection: by how rare their answers there are, without any segmenter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def rarity(maps: Tensor, quantiles: Tensor, fractions: Tensor) -> Tensor:
    """How rare the values of maps are: minus the logarithm of the share of positions that reach them.

    Args:
        maps: (n, u, h, w) float32.
        quantiles: (u, k) float32, falling: levels that are reached at the fractions.
        fractions: (k,) float64, rising to 1.

    Returns:
        (n, u, h, w) float64, from 0 (always reached) to -log(fractions[0]); between two levels linear.
    """
    import torch

    logs = -fractions.log()
    rising, logs = quantiles.flip(1).double().contiguous(), logs.flip(0)
    flat = maps.double().transpose(0, 1).flatten(1).contiguous()
    above = torch.searchsorted(rising, flat, right=True).clamp(1, rising.shape[1] - 1)
    low, high = rising.gather(1, above - 1), rising.gather(1, above)
    share = ((flat - low) / (high - low).clamp(min=1e-30)).clamp(0, 1)
    found = logs[above - 1] + share * (logs[above] - logs[above - 1])
    n, u, h, w = maps.shape
    return found.view(u, n, h, w).transpose(0, 1)


def answers(maps: Tensor, mask: Tensor, quantiles: Tensor, fractions: Tensor) -> Tensor:
    """How rare the answers of each unit are in a selection, on average.

    Args:
        maps: (n, u, h, w) float32.
        mask: (n or 1, 1, h, w) from 0 to 1.
        quantiles, fractions: as of `rarity`.

    Returns:
        (u,) float64.

    Source:
        Bau et al., Rewriting a Deep Generative Model, ECCV 2020: the units of a selection.
    """
    weights = mask.double().expand(len(maps), 1, *maps.shape[2:])
    return (rarity(maps, quantiles, fractions) * weights).sum((0, 2, 3)) / weights.sum()
