"""What a matrix of effects says: how selective each mover is, one mover for each factor, DCI's two figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SELECTIVE = 0.5
"""A mover stands for a factor, and covers it, if more than this share of its effects falls on it."""


@dataclass(frozen=True)
class Assigned:
    """One mover for each factor, as far as there are movers, and how well they stand for the factors.

    Args:
        movers: for each factor the position of its mover; None where there are fewer movers than factors.
        covered: for each factor, whether any mover is selective for it.
        disentanglement: 0 to 1; does each assigned mover change one factor alone? None without movers.
        completeness: 0 to 1; is each factor changed by one assigned mover alone? None without movers.
    """

    movers: tuple[int | None, ...]
    covered: tuple[bool, ...]
    disentanglement: float | None
    completeness: float | None

    @property
    def coverage(self) -> float:
        """The share of the factors that are covered."""
        return sum(self.covered) / len(self.covered)


def selectivity(effects: Tensor) -> Tensor:
    """The share of each factor in the effects of each mover.

    Args:
        effects: (m, a); changes of factors in their standard deviations, with or without sign.

    Returns:
        (m, a) float64; rows sum to 1, or are 0 where a mover changes nothing.
    """
    sizes = effects.double().abs()
    return sizes / sizes.sum(1, keepdim=True).clamp_min(1e-300)


def assign(effects: Tensor) -> Assigned:
    """Give each factor a mover of its own, and measure disentanglement and completeness on these.

    Movers beyond one a factor do not count, so that a method that offers many is not compared by their number: of all
    ways to give each factor another mover, the one of the greatest sum of selectivities is taken (linear assignment).

    Args:
        effects: (m, a), each row at a strength of equal meaning; a of 2 at least.

    Returns:
        The assignment and its figures.

    Source:
        Eastwood and Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, ICLR 2018,
        on effects in place of a regressor's importances.
    """
    from scipy.optimize import linear_sum_assignment

    shares = selectivity(effects)
    factors = shares.shape[1]
    covered = tuple((shares > SELECTIVE).any(0).tolist()) if len(shares) else (False,) * factors
    if not len(shares):
        return Assigned((None,) * factors, covered, None, None)
    rows, columns = linear_sum_assignment(shares.numpy(), maximize=True)
    movers: list[int | None] = [None] * factors
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        movers[column] = row
    chosen = effects.double().abs()[rows.tolist()]
    purity = _evenness(chosen)
    # A factor that no mover is left for has nothing that stands for it.
    whole = _evenness(chosen.T[columns.tolist()]).sum() / factors
    return Assigned(tuple(movers), covered, float(purity.mean()), float(whole))


def _evenness(importance: Tensor) -> Tensor:
    """(r,); 1 − the entropy of each row's shares, to the base of their number: 1 where all of it is in one entry."""
    import torch

    shares = selectivity(importance)
    entropy = torch.special.entr(shares).sum(1) / math.log(max(importance.shape[1], 2))
    return torch.where(importance.sum(1) > 0, 1 - entropy, 0.0)


def dependency(sizes: Tensor, target: int, reached: float) -> tuple[float, float]:
    """How much else changes as a target does.

    Args:
        sizes: (a,); mean absolute change of every factor in its standard deviations; NaN where it is not known.
        target: position of the factor that is meant to change.
        reached: how far it has changed, in its standard deviations; not 0.

    Returns:
        mean and maximum over the other factors, for each standard deviation of the target.

    Source:
        Wu et al., StyleSpace Analysis, CVPR 2021, section 6 (attribute dependency).
    """
    import torch

    others = torch.cat([sizes[:target], sizes[target + 1 :]]).double()
    others = others[~others.isnan()] / abs(reached)
    if not len(others):
        return math.nan, math.nan
    return float(others.mean()), float(others.max())
