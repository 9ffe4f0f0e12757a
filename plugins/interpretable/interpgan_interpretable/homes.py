"""Homes of concepts: where in the picture they are, by the filters themselves.

Shape symbols: n samples, m filters, h w positions, g groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interpgan_core import Generator
from interpgan_interpretable.layers import rectified_maps

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core import LatentBatch

LOOKED_AT = 16  # samples that tell how strong filters are that were not trained in groups
HALF = 0.5  # of all groups' activity: at home is where the concepts have more
# Shares of it from which, and up to which, masks rise from 0 to 1. They were chosen by bench/adapted_ablation.py.
WIDE = 0.1, 0.35
NARROW = 0.35, 0.6


def shares(generator: Generator, batch: LatentBatch, layer: str, units: Sequence[int]) -> Tensor:
    """How much of the activity at each position is some concepts'.

    Args:
        generator: of the batch.
        batch: n samples.
        layer: of the filters.
        units: the concepts' filters.

    Returns:
        (n, 1, h, w) float32 from 0 to 1.
    """
    import torch

    maps = torch.cat([rectified_maps(generator, one, layer) for one in batch.split(1)])
    groups, scale = groups_of(generator, layer, maps)
    return shares_of(maps / scale[:, None, None], groups, units)


def shares_of(maps: Tensor, groups: Tensor, units: Sequence[int]) -> Tensor:
    """How much of the activity of all groups of filters is that of some, averaged over 3 x 3 positions.

    Args:
        maps: (n, m, h, w), none below 0, of filters as strong as one another.
        groups: (m,) int64; -1: of none.
        units: filters; the groups that one of them is in are looked for.

    Returns:
        (n, 1, h, w) float32 from 0 to 1; 0 where nothing is active.
    """
    theirs = groups_with(groups, units)
    return group_shares(maps, groups)[:, theirs].sum(1, keepdim=True)


def groups_with(groups: Tensor, units: Sequence[int]) -> Tensor:
    """The numbers of the groups that one of some filters is in: (m,) -> (k,) int64."""
    own = groups[list(units)]
    numbers: Tensor = own[own >= 0].unique()
    return numbers


def group_shares(maps: Tensor, groups: Tensor) -> Tensor:
    """How much of the activity of all groups of filters is each group's, averaged over 3 x 3 positions.

    Args:
        maps: (n, m, h, w), none below 0, of filters as strong as one another.
        groups: (m,) int64; -1: of none.

    Returns:
        (n, g, h, w) float32; at each position 1 in all, or 0 where nothing is active.
    """
    from torch.nn import functional

    from interpgan_interpretable.training.energy import group_maps, group_members

    members = group_members(groups, int(groups.max()) + 1)
    activity = group_maps(maps.flatten(2), members).unflatten(2, maps.shape[2:])
    smooth = functional.avg_pool2d(activity, 3, 1, 1)
    return smooth / smooth.sum(1, keepdim=True).clamp(min=1e-12)


def soft(shares: Tensor, between: tuple[float, float] = WIDE) -> Tensor:
    """A mask without hard edges of where concepts are at home.

    Args:
        shares: (n, 1, h, w) from `shares`.
        between: the shares from which, and up to which, it rises from 0 to 1.

    Returns:
        (n, 1, h, w) float32 from 0 to 1.
    """
    low, high = between
    return ((shares - low) / (high - low)).clamp(0, 1)


def grown(shares: Tensor) -> Tensor:
    """A mask of homes with their edges, for what shall move as a whole: `soft`, grown by one position.

    Args:
        shares: (n, 1, h, w) from `shares`.

    Returns:
        (n, 1, h, w) float32 from 0 to 1.
    """
    from torch.nn import functional

    return functional.max_pool2d(soft(shares), 3, 1, 1)


def groups_of(generator: Generator, layer: str, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The groups of a layer's filters, as they were trained, and how strong each filter is.

    Args:
        generator: with concepts in that layer; they are the groups where nothing was trained.
        layer: its name.
        maps: (n, m, h, w) of some samples.

    Returns:
        (m,) int64, -1: of none; and what to divide each filter by, (m,) float32.
    """
    import torch

    from interpgan_interpretable.adaptation.filters import FilterBank
    from interpgan_interpretable.training.energy_model import EnergyModel

    if layer in generator.added and isinstance(bank := generator.added[layer].module, FilterBank):
        return bank.groups, torch.ones_like(bank.groups, dtype=maps.dtype)
    model = EnergyModel.attached_to(generator)
    if model is not None and len(model.groups) == maps.shape[1]:
        return model.groups, model.rms.clamp(min=1e-12)
    groups = torch.full((maps.shape[1],), -1, device=maps.device)
    for number, (_, units) in enumerate(c for c in generator.concepts.values() if c[0] == layer):
        groups[list(units)] = number
    # Of samples that are always the same: what is done to one does not depend on those beside it.
    seen = generator.stream(range(LOOKED_AT), 1)
    squares = sum(rectified_maps(generator, one, layer).square().mean((0, 2, 3)) for one in seen)
    return groups, torch.as_tensor(squares / LOOKED_AT).sqrt().clamp(min=1e-12)
