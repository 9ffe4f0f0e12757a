"""The network of `text.mapper`. Letters in shapes: n samples, d entries of a code, e numbers of an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MapperNet(nn.Module):
    """From a code, where its picture lies, and where it shall go: the change of the code.

    Args:
        code: d.
        seen: e.
        width: of the layers between.
    """

    def __init__(self, code: int, seen: int, width: int) -> None:
        super().__init__()
        self.shape = {"code": code, "seen": seen, "width": width}
        self.style = _layers(code, width, width)
        self.condition = _layers(2 * seen, width, width)
        self.fusion = _layers(2 * width, width, code)

    def forward(self, apart: Tensor, seen: Tensor, toward: Tensor) -> Tensor:
        """The change.

        Args:
            apart: (n, d), codes as deviations.
            seen: (n, e), embeddings of their pictures.
            toward: (n, e), differences of embeddings.

        Returns:
            (n, d), in deviations.
        """
        both = self.style(apart), self.condition(torch.cat([seen, toward], 1))
        return torch.as_tensor(self.fusion(torch.cat(both, 1)))


def _layers(first: int, width: int, last: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(first, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
        nn.Linear(width, last),
    )  # fmt: skip
