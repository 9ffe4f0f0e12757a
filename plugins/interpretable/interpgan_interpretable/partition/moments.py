"""What the mixture of filters needs to know of feature maps: sums over samples, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError

if TYPE_CHECKING:
    from torch import Tensor


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

    def scales(self) -> Tensor:
        """(m,) float64; the root mean square of each filter's maps, 0 for one that never answers."""
        return (self.squares / (self.count * self.sums.shape[1])).sqrt()

    def normalised(self) -> Moments:
        """As if every filter's maps had been divided by their root mean square; none may be 0."""
        scales = self.scales()
        return Moments(self.count, self.sums / scales[:, None], self.squares / scales**2)

    def of(self, filters: Tensor) -> Moments:
        """Those of some of the filters."""
        return Moments(self.count, self.sums[filters], self.squares[filters])


def moments(blocks: Iterable[Tensor]) -> Moments:
    """Sum a stream of maps, in memory for one block.

    Args:
        blocks: (b, m, h, w) float each.

    Returns:
        Float64 on the CPU.

    Raises:
        InterpganError: if there is no sample.
    """
    import torch

    count, sums, squares = 0, torch.zeros(()), torch.zeros(())
    for maps in blocks:
        flat = maps.detach().flatten(2)
        # Float32 inside a block, for that is ten times as fast and as exact as the maps are; float64 across blocks.
        sums = sums + flat.sum(0).double()
        squares = squares + torch.linalg.vector_norm(flat, dim=2).double().square().sum(0)
        count += len(maps)
    if not count:
        raise InterpganError("there is no sample to measure feature maps on; give one seed at least")
    return Moments(count, sums.cpu(), squares.cpu())
