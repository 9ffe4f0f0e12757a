"""Which part of the pictures each channel changes most, as sums over samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

CHANCE = 1 + 1e-6  # a part that is covered no more than this times what chance would is not changed most
LITTLE = 1e-300  # in place of a divisor of 0


@dataclass(frozen=True, eq=False)
class PartTally:
    """What is known of every channel (d of them) and part (p), as sums over samples.

    Args:
        first: (d, p); in how many samples the part is the one that the channel changes most.
        overlap: (d, p); the share of the part that lies where the channel changes most, summed.
        inside: (d, p); mean squared change of a position in the part, summed.
        outside: (d, p); the same elsewhere.
        samples: (p,); how many have the part.
    """

    first: Tensor
    overlap: Tensor
    inside: Tensor
    outside: Tensor
    samples: Tensor

    @classmethod
    def of(cls, changes: Tensor, maps: Tensor) -> Self:
        """The tally of one sample.

        Args:
            changes: (d, h, w); the mean squared change of each position, for each channel.
            maps: (p, h, w) from 0 to 1; the share of each position that a part fills. One that fills half a position
                or less is not there.

        Source:
            Wu et al., StyleSpace Analysis, CVPR 2021, section 4: the change is cut at the level that as large a share
            of the picture exceeds as the part has, and what it covers of the part is compared with what chance would.
        """
        flat, masks = changes.flatten(1).double(), maps.flatten(1).double()
        shape, positions = (len(flat), len(masks)), flat.shape[1]
        first, overlap, lift, inside, outside = (torch.zeros(shape, dtype=torch.float64) for _ in range(5))
        # Changes that differ by the rounding of pictures alone are equal.
        ranks = (flat / flat.amax(1, keepdim=True).clamp_min(LITTLE)).round(decimals=4)
        descending = ranks.sort(dim=1, descending=True).values
        areas = masks.mean(1)
        present = areas * positions > 0.5
        for p in present.nonzero().flatten().tolist():
            mask, rest, area = masks[p], 1 - masks[p], float(areas[p])
            top = round(area * positions)
            level = descending[:, [top - 1]]
            above, at = (ranks > level).double(), (ranks == level).double()
            # Positions that change equally share what is left, so that a change of everything covers by chance.
            share = (top - above.sum(1, keepdim=True)) / at.sum(1, keepdim=True)
            covered = (above + share * at) @ mask / positions  # of the picture, in the part and changed most
            overlap[:, p], lift[:, p] = covered / area, covered / area**2
            inside[:, p] = flat @ mask / mask.sum()
            outside[:, p] = flat @ rest / rest.sum().clamp_min(LITTLE)
        most, best = lift.max(1)
        first[torch.arange(len(flat)), best] = (flat.any(1) & (most > CHANCE)).double()
        return cls(first, overlap, inside, outside, present.double())

    def __add__(self, other: Self) -> Self:
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in vars(self)})

    def best_of(self, part: int, share: float, gap: float) -> list[int]:
        """The channels of a part, those first that change it most against everything else.

        Args:
            part: its number.
            share: in more than this share of the samples that have the part they change it most.
            gap: of no other part that share is greater, or smaller by so little.

        Returns:
            Numbers of channels.
        """
        shares = self.first / self.samples.clamp_min(1)
        others = shares.clone()
        others[:, part] = -torch.inf
        own = (shares[:, part] > share) & (shares[:, part] - others.amax(1) > gap)
        # The mean change outside, over all channels, is a floor: a channel that changes nothing is of no use.
        floor = self.outside[:, part].mean().clamp_min(LITTLE)
        worth = self.inside[:, part] / (self.outside[:, part] + floor)
        return [i for i in worth.argsort(descending=True, stable=True).tolist() if own[i]]
