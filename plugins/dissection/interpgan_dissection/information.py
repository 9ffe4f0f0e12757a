"""How well a unit that is on or off tells a part: intersection over union, and information quality ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

AGREEMENT = 0.8
"""A unit must be on or off as the part is at more than this share of positions, else its information is not counted."""
SEEN = 1e-3
"""A part that fills less of the samples is left out."""
_TINY = 1e-20


def union_ratio(both: Tensor, on: Tensor, part: Tensor) -> Tensor:
    """Intersection over union of a unit and a part.

    Args:
        both: number of positions where the unit is on and the part is; whole numbers.
        on: where the unit is on.
        part: where the part is.

    Returns:
        float64, broadcast, from 0 to 1; 0 where neither is anywhere.

    Source:
        Bau et al., Network Dissection, CVPR 2017, equation 1.
    """
    union = (on + part - both).double()
    return both.double() / (union + _TINY)


def joint(both: Tensor, on: Tensor, part: Tensor, total: Tensor | float) -> Tensor:
    """The four shares of positions: neither, the part alone; the unit alone, both.

    Args:
        both, on, part: as in `union_ratio`.
        total: number of positions.

    Returns:
        (2, 2, ...) float64 that sum to 1 over the first two; the first is whether the unit is on.
    """
    import torch

    both, on, part = torch.broadcast_tensors(both.double(), on.double(), part.double())
    off = total - on
    rows = (torch.stack([off - (part - both), part - both]), torch.stack([on - both, both]))
    return torch.stack(rows) / total


def mutual_information(shares: Tensor) -> Tensor:
    """Mutual information of two binary variables, in nats.

    Args:
        shares: (2, 2, ...) float64 that sum to 1 over the first two.

    Returns:
        (...) float64, at least 0 but for rounding.
    """
    expected = shares.sum(1, keepdim=True) * shares.sum(0, keepdim=True)
    return _entropy_terms(shares, expected).sum((0, 1))


def joint_entropy(shares: Tensor) -> Tensor:
    """Entropy of two binary variables together, in nats.

    Args:
        shares: (2, 2, ...) float64 that sum to 1 over the first two.

    Returns:
        (...) float64.
    """
    import torch

    return -_entropy_terms(shares, torch.ones_like(shares)).sum((0, 1))


def quality_ratio(shares: Tensor) -> Tensor:
    """Information quality ratio: mutual information by joint entropy.

    Args:
        shares: (2, 2, ...) float64 that sum to 1 over the first two.

    Returns:
        (...) float64 from 0, which tells nothing, to 1, which is the same; 0 where nothing is uncertain.

    Source:
        Bau et al., GAN Dissection, ICLR 2019, equation 2.
    """
    import torch

    entropy = joint_entropy(shares)
    return torch.where(entropy > 0, mutual_information(shares) / entropy.clamp(min=_TINY), 0.0)


def agreement(shares: Tensor) -> Tensor:
    """(...) float64: the share of positions where both are or neither is; of `shares` as in `quality_ratio`."""
    return shares[0, 0] + shares[1, 1]


def _entropy_terms(shares: Tensor, expected: Tensor) -> Tensor:
    """p log(p / q), 0 where p is 0."""
    import torch

    seen = shares > 0
    safe = torch.where(seen, shares, 1.0)
    below = torch.where(seen, expected.expand_as(shares), 1.0)
    return safe * (safe / below).log() * seen
