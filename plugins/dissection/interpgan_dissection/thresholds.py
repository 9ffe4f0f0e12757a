"""From counts to results: at which level a unit is on, and how well it then tells each part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_dissection.information import AGREEMENT, SEEN, agreement, joint, quality_ratio, union_ratio

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_dissection.tally import Scale

FRACTIONS = 100
"""Levels that are tried of each unit: reached by 0.1 % to all of the positions, evenly in the logarithm."""


@dataclass(frozen=True)
class Cut:
    """Units as switches.

    Args:
        levels: (u,) float64, above which a unit is on.
        fractions: (u,) float64, the share of positions where it is.
        union: (u, parts) float64, intersection over union at that level.
        ratio: (u, parts) float64, information quality ratio, the highest of all levels.
        best_union: (u, parts) float64, intersection over union at the level of that ratio, each pair's own.
    """

    levels: Tensor
    fractions: Tensor
    union: Tensor
    ratio: Tensor
    best_union: Tensor


def cut_by_information(scale: Scale, reached: Tensor) -> Cut:
    """Cut each unit where it tells most of the part that it tells most of.

    Args:
        scale: of the levels.
        reached: (u, levels, parts) int64, of `Tally.reached`.

    Source:
        Bau et al., GAN Dissection, ICLR 2019, equation 2. As in the original code, a level counts for a pair only if
        it is above 0 and the unit agrees with the part at more than 0.8 of the positions, and a part only if it fills
        0.1 % of them.
    """
    import torch

    cells = _cells_of(reached, torch.logspace(-3, 0, FRACTIONS, dtype=torch.float64))
    ratio, agreed = _information(reached, cells)
    counts = (agreed > AGREEMENT) & (scale.level(cells) > 0)[..., None] & _seen(reached)
    ratio = torch.where(counts, ratio, 0.0)
    best, where = ratio.max(1)
    own = cells.gather(1, where)
    chosen = own.gather(1, best.argmax(1, keepdim=True))[:, 0]
    best_union = torch.stack([_union(reached, own[:, p])[:, p] for p in range(own.shape[1])], 1)
    return _cut(scale, reached, chosen, best, best_union)


def cut_by_quantile(scale: Scale, reached: Tensor, fraction: float) -> Cut:
    """Cut each unit where it is on at a fraction of the positions.

    Args:
        scale: of the levels.
        reached: (u, levels, parts) int64, of `Tally.reached`.
        fraction: from 0 to 1.

    Source:
        Bau et al., Network Dissection, CVPR 2017, section 2.
    """
    import torch

    cells = _cells_of(reached, torch.tensor([fraction], dtype=torch.float64))
    ratio, _ = _information(reached, cells)
    ratio = torch.where(_seen(reached)[:, 0], ratio[:, 0], 0.0)
    return _cut(scale, reached, cells[:, 0], ratio, _union(reached, cells[:, 0]))


def quantiles(scale: Scale, reached: Tensor, fractions: Tensor) -> Tensor:
    """The levels that a unit reaches at fractions of all positions.

    Args:
        scale: of the levels.
        reached: (u, levels, parts) int64, of `Tally.reached`.
        fractions: (k,) float64 from 0 to 1.

    Returns:
        (u, k) float32.
    """
    return scale.level(_cells_of(reached, fractions)).float()


def _cells_of(reached: Tensor, fractions: Tensor) -> Tensor:
    """(u, k) int64: the level that comes nearest to being reached at each fraction of the positions; never level 0."""
    import torch

    share = reached.sum(2).double() / reached[:, 0].sum(1, keepdim=True)
    rising = share.flip(1).contiguous()
    wanted = fractions.expand(len(share), -1).contiguous()
    above = torch.searchsorted(rising, wanted).clamp(1, rising.shape[1] - 1)
    nearer = (wanted - rising.gather(1, above - 1)) < (rising.gather(1, above) - wanted)
    return (rising.shape[1] - 1 - (above - nearer.long())).clamp(min=1)


def _information(reached: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Quality ratio and agreement, (u, k, parts) float64 each, at some levels of each unit."""
    both = _at(reached, cells)
    shares = joint(both, both.sum(2, keepdim=True), reached[:, :1], float(reached[0, 0].sum()))
    return quality_ratio(shares), agreement(shares)


def _union(reached: Tensor, cells: Tensor) -> Tensor:
    """(u, parts) float64, at one level of each unit."""
    both = _at(reached, cells[:, None])[:, 0]
    return union_ratio(both, both.sum(1, keepdim=True), reached[:, 0])


def _at(reached: Tensor, cells: Tensor) -> Tensor:
    return reached.gather(1, cells[..., None].expand(-1, -1, reached.shape[2]))


def _seen(reached: Tensor) -> Tensor:
    """(1, 1, parts) bool: does a part fill enough of the samples?"""
    return (reached[:1, :1] / reached[0, 0].sum()) >= SEEN


def _cut(scale: Scale, reached: Tensor, cells: Tensor, ratio: Tensor, best_union: Tensor) -> Cut:
    on = _at(reached, cells[:, None])[:, 0].sum(1)
    fractions = on.double() / reached[:, 0].sum(1)
    return Cut(scale.level(cells), fractions, _union(reached, cells), ratio, best_union)
