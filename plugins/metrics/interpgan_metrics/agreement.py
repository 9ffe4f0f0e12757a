"""Whether two searches have found the same movers: how alike the ways are that they move the same codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from interpgan_core import Generator, LatentBatch, Mover, Shift

if TYPE_CHECKING:
    from torch import Tensor

DRAWS = 8  # pairs of random sets, for what chance makes of an agreement


def moved_batches(movers: Iterable[Mover], batch: LatentBatch, generator: Generator) -> list[LatentBatch]:
    """The batch, moved by one unit of strength along each."""
    return [Shift(direction=mover, strength=1.0).run(batch, generator) for mover in movers]


def displacements(
    moved: Iterable[LatentBatch], batch: LatentBatch, generator: Generator, space: str
) -> Tensor:
    """How far and where the codes of a batch have gone.

    Args:
        moved: copies of the batch.
        batch: where they came from.
        generator: whose codes they are.
        space: in which the ways are compared; one that all of them can be carried to.

    Returns:
        (m, n · d) float64 of length 1 each; n samples of d numbers.
    """
    import torch

    start = generator.to_space(batch, space).codes.double()
    ways = [(generator.to_space(one, space).codes.double() - start).flatten().cpu() for one in moved]
    return torch.nn.functional.normalize(torch.stack(ways), dim=1)


def common_space(first: Iterable[LatentBatch], second: Iterable[LatentBatch], generator: Generator) -> str:
    """The latest of the spaces that batches are in: codes of earlier ones can be carried there."""
    order = list(generator.spaces)
    return max((one.space.name for some in (first, second) for one in some), key=order.index)


def agreement(first: Tensor, second: Tensor) -> float:
    """The mean absolute cosine of movers that belong together.

    Args:
        first: (m, k), rows of length 1.
        second: (l, k), alike.

    Returns:
        0 to 1, over min(m, l) pairs, chosen by linear assignment for the greatest sum; for directions of one space it
        is the cosine of their vectors.
    """
    from scipy.optimize import linear_sum_assignment

    cosines = (first @ second.T).abs()
    rows, columns = linear_sum_assignment(cosines.numpy(), maximize=True)
    return float(cosines[rows, columns].mean())


def by_chance(first: int, second: int, size: int) -> float:
    """What `agreement` is of random directions: as many, in a space of that many numbers."""
    import torch

    random = torch.Generator().manual_seed(0)
    found = []
    for _ in range(DRAWS):
        one, two = (
            torch.nn.functional.normalize(torch.randn(n, size, generator=random, dtype=torch.float64), dim=1)
            for n in (first, second)
        )
        found.append(agreement(one, two))
    return sum(found) / DRAWS
