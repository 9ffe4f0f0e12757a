"""The Hessian penalty, and the rotation that it is minimised over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from interpgan_core import seeded_normal

_STREAM = 11  # of the random numbers of the first rotation


class Rotation(nn.Module):
    """Orthonormal directions: the first rows of a rotation, which is the exponential of a skew matrix.

    Args:
        size: d, of a code.
        count: how many directions, d at most.
        seed: of the random rotation that it starts from.
    """

    start: Tensor

    def __init__(self, size: int, count: int, seed: int) -> None:
        super().__init__()
        self.count = count
        self.lower = nn.Parameter(torch.zeros(size, size))
        random = seeded_normal([seed], (size, size), stream=_STREAM)[0].double()
        self.register_buffer("start", torch.linalg.qr(random).Q.float(), persistent=False)

    def forward(self) -> Tensor:
        """(count, d); rows of length 1, orthogonal to each other."""
        rotation = torch.linalg.matrix_exp(self.lower - self.lower.T)
        rows: Tensor = (rotation @ self.start)[: self.count]
        return rows


def hessian_penalty(
    draw: Callable[[Tensor], list[Tensor]],
    basis: Tensor,
    signs: Tensor,
    epsilon: float,
    reduction: Literal["max", "mean"] = "max",
) -> Tensor:
    """How much second derivatives of outputs along the directions of a basis mix.

    The variance over random signs v of vᵀHv is twice the sum of the squares of H's entries off the diagonal.

    Args:
        draw: offsets of codes (m, n, d) to outputs (m, n, …), in any number.
        basis: (count, d).
        signs: (k, n, count) of 1 and -1, for each of n samples.
        epsilon: step along each direction.
        reduction: of the elements of each output, by sample.

    Returns:
        (n,) penalties, the mean over the outputs.

    Source:
        Peebles et al., The Hessian Penalty, ECCV 2020, equations 4 (variance) and 5 (second differences).
    """
    offsets = epsilon * (signs @ basis)
    still = torch.zeros_like(offsets[:1])
    found = []
    for output in draw(torch.cat([still, offsets, -offsets])):
        middle, ahead, behind = output[:1], *output[1:].chunk(2)
        curvature = (ahead - 2 * middle + behind) / epsilon**2
        spread = curvature.var(0).flatten(1)
        found.append(spread.amax(1) if reduction == "max" else spread.mean(1))
    return torch.stack(found).mean(0)
