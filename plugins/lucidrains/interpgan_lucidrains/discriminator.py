"""The discriminator of stylegan2-pytorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import as_channels
from interpgan_lucidrains.layers import SLOPE, Attention, Conv, blur


class Discriminator(nn.Module):
    """Maps images to a logit.

    Args:
        channels: of the pictures, then of each block's maps.
        features: inputs of the last layer.
        attention: numbers of the blocks that have attention behind them.
        blurred: are maps blurred before they are halved? Not in the package's first versions.

    Attributes:
        shape: the arguments that it was made with, as JSON values.
    """

    def __init__(
        self, channels: Sequence[int], features: int, attention: Sequence[int], blurred: bool = True
    ) -> None:
        super().__init__()
        self.shape: dict[str, Any] = {"channels": list(channels), "features": features}
        self.shape |= {"attention": list(attention), "blurred": blurred}
        self.colours, count = channels[0], len(channels) - 1
        self.blocks = nn.ModuleList(
            _Block(channels[i], channels[i + 1], i < count - 1, blurred) for i in range(count)
        )
        self.attention = nn.ModuleDict({str(i): Attention(channels[i + 1]) for i in attention})
        self.last = Conv(channels[-1], channels[-1], 3)
        self.logit = nn.Linear(features, 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logits; higher is more real.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of as many channels as the generator draws.
            labels: not used.

        Returns:
            (n, 1). The package trains its network the other way round: these are its outputs times -1.
        """
        return -self.outputs((as_channels(images, self.colours) + 1) / 2)

    def outputs(self, pictures: Tensor) -> Tensor:
        """What the package's network gives; pictures are in [0, 1]."""
        x = pictures
        for i, block in enumerate(self.blocks):
            x = block(x)
            if str(i) in self.attention:
                x = self.attention[str(i)](x)
        found: Tensor = self.logit(self.last(x).flatten(1))
        return found


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, down: bool, blurred: bool) -> None:
        super().__init__()
        self.blurred = blurred
        self.skip = Conv(inputs, outputs, 1, stride=2 if down else 1)
        self.conv1, self.conv2 = Conv(inputs, outputs, 3), Conv(outputs, outputs, 3)
        self.down = Conv(outputs, outputs, 3, stride=2) if down else None

    def forward(self, x: Tensor) -> Tensor:
        skipped = self.skip(x)
        for conv in (self.conv1, self.conv2):
            x = functional.leaky_relu(conv(x), SLOPE)
        if self.down is not None:
            x = self.down(blur(x) if self.blurred else x)
        total: Tensor = (x + skipped) * torch.tensor(0.5, dtype=torch.float64).sqrt().to(x)
        return total
