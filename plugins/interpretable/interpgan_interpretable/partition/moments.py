"""Sums over samples of feature maps: all that the mixture of filters needs, whatever the number of samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from interpgan_core import InterpganError


@dataclass(frozen=True, eq=False)
class Moments:
    """Sufficient statistics of the maps of m filters, of k positions each, on n samples.

    Args:
        count: n.
        sums: (m, k) float64; each filter's maps, summed over the samples.
        squares: (m,) float64; the squared norms of its maps, summed.
    """

    count: int
    sums: Tensor
    squares: Tensor

    def rms(self) -> Tensor:
        """(m,) float64; the root mean square of each filter's maps, 0 for one that is never active."""
        return (self.squares / (self.count * self.sums.shape[1])).sqrt()

    def normalised(self) -> Moments:
        """As if every filter's maps had been divided by their root mean square; none may be 0."""
        rms = self.rms()
        return Moments(self.count, self.sums / rms[:, None], self.squares / rms**2)

    def of(self, filters: Tensor) -> Moments:
        """Those of some of the filters."""
        return Moments(self.count, self.sums[filters], self.squares[filters])


def moments(blocks: Iterable[Tensor]) -> Moments:
    """Sum a stream of maps; one block at a time is in memory.

    Args:
        blocks: (b, m, h, w) float each.

    Returns:
        Float64 on the CPU.

    Raises:
        InterpganError: if there is no sample.
    """
    count, sums, squares = 0, torch.zeros(()), torch.zeros(())
    for maps in blocks:
        flat = maps.detach().flatten(2)
        # Float32 within a block: ten times as fast, and as exact as the maps are. Float64 across blocks.
        sums = sums + flat.sum(0).double()
        squares = squares + torch.linalg.vector_norm(flat, dim=2).double().square().sum(0)
        count += len(maps)
    if not count:
        raise InterpganError("there is no sample to measure feature maps on; give one seed at least")
    return Moments(count, sums.cpu(), squares.cpu())
