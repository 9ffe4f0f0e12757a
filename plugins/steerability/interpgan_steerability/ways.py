"""How codes move by an amount: along a straight line, or a line that bends with the code."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import LatentBatch
from interpgan_core.plugin import TrainingCodes

STEPS = 4
"""Of a bent way; at each it looks anew where it is."""


class Straight(nn.Module):
    """w of the paper: each amount moves every code alike.

    Args:
        size: d, of a code.
        spread: standard deviation of the codes.
        reach: the amount that w moves by.
    """

    def __init__(self, size: int, spread: float, reach: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(size))
        self.spread, self.reach = spread, reach

    def forward(self, codes: Tensor, amounts: Tensor) -> Tensor:
        """Args: codes: (n, d); amounts: (n,). Returns: (n, d)."""
        moved: Tensor = codes + amounts[:, None] * self.vector
        return moved

    @property
    def vector(self) -> Tensor:
        """(d,), the offset for an amount of 1."""
        return self.w * (self.spread / self.reach)


class Bent(Straight):
    """The paper's walk by a network: steps of a flow, each w and what two layers add for the code where it is.

    Args:
        size: d, of a code.
        spread: standard deviation of the codes.
        reach: the amount that w moves by.
        width: of the network.
        seed: of its weights.
    """

    def __init__(self, size: int, spread: float, reach: float, width: int, seed: int) -> None:
        super().__init__(size, spread, reach)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.inner = nn.Linear(size, width)
            self.outer = nn.Linear(width, size, bias=False)
        nn.init.zeros_(self.outer.weight)  # it begins straight

    def forward(self, codes: Tensor, amounts: Tensor) -> Tensor:
        step = (amounts / self.reach / STEPS)[:, None] * self.spread
        for _ in range(STEPS):
            # Of the size of one wherever codes lie; a mean, so that Adam moves it about as fast as w.
            seen = functional.leaky_relu(self.inner(functional.layer_norm(codes, codes.shape[1:])), 0.2)
            codes = codes + step * (self.w + self.outer(seen) / seen.shape[1])
        return codes


def moved(codes: TrainingCodes, way: Straight, batch: LatentBatch, amounts: Tensor) -> LatentBatch:
    """Samples moved by amounts (n,), in the layers that move; layer by layer where codes have a vector for each."""
    rows = batch.codes.flatten(0, -2)
    each = amounts.repeat_interleave(len(rows) // max(len(batch), 1))
    return batch.with_layers(codes.layers, way(rows, each).view(batch.codes.shape))
