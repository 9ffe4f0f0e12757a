"""The encoder of ALAE, which is most of its discriminator too. Shape symbols as in `network`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_alae.network import FUSED, SLOPE, Dense, summed
from interpgan_core.plugin import as_channels

EPSILON = 1e-5  # of the instance norms, torch's own


class Encoder(nn.Module):
    """Pictures to w: each layer adds what its maps' means and deviations say.

    Args:
        widths: channels of the first maps, then of each block's, from the pictures' size down.
        width: entries of w.
        channels: of the pictures.

    Source:
        Pidhorskyi et al., CVPR 2020, figure 2 and equation 6.
    """

    def __init__(self, widths: Sequence[int], width: int, channels: int) -> None:
        super().__init__()
        self.shape: dict[str, Any] = {"widths": list(widths), "width": width, "channels": channels}
        self.channels, count = channels, len(widths) - 1
        sides = [4 << (count - 1 - i) for i in range(count)]
        self.starts = nn.ModuleList(nn.Conv2d(channels, inputs, 1) for inputs in widths[:-1])
        self.blocks = nn.ModuleList(
            EncoderBlock(widths[i], widths[i + 1], width, fused=sides[i] >= FUSED) for i in range(count)
        )

    @property
    def side(self) -> int:
        """Of the pictures that the first block takes."""
        return 4 << (len(self.blocks) - 1)

    def forward(self, images: Tensor) -> Tensor:
        """The codes of pictures.

        Args:
            images: (n, 3, s, s) in [-1, 1], s one of 4, 8 … `side`; or of the generator's channels.

        Returns:
            (n, d).
        """
        x = as_channels(images, self.channels)
        first = len(self.blocks) - (x.shape[2] // 4).bit_length()
        x = self.starts[first](x)
        for _ in range(2):  # the original has it inside and outside
            x = functional.leaky_relu(x, SLOPE)
        total: Tensor | int = 0
        for block in list(self.blocks)[first:]:
            x, first_part, second_part = block(x)
            total = total + first_part + second_part
        assert isinstance(total, Tensor)
        return total


class EncoderBlock(nn.Module):
    """Two convolutions, the second one to half the size; behind each a style and an instance norm."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int, width: int, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.first = nn.Parameter(torch.empty(inputs, inputs, 3, 3))
        self.second = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias1, self.bias2 = (nn.Parameter(torch.empty(1, c, 1, 1)) for c in (inputs, outputs))
        self.register_buffer("kernel", torch.empty(inputs, 1, 3, 3))
        self.style1, self.style2 = Dense(2 * inputs, width), Dense(2 * outputs, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Args: x: (n, c, h, w). Returns: (n, c', h / 2, w / 2) maps, and two (n, d) parts of the code."""
        x = functional.leaky_relu(functional.conv2d(x, self.first, padding=1) + self.bias1, SLOPE)
        x, part1 = self._normed(x, self.style1)
        x = functional.conv2d(x, self.kernel, padding=1, groups=x.shape[1])
        if self.fused:
            x = functional.conv2d(x, summed(self.second) / 4, stride=2, padding=1)
        else:
            x = functional.avg_pool2d(functional.conv2d(x, self.second, padding=1), 2)
        x, part2 = self._normed(functional.leaky_relu(x + self.bias2, SLOPE), self.style2)
        return x, part1, part2

    def _normed(self, x: Tensor, style: Dense) -> tuple[Tensor, Tensor]:
        """Maps without their means and deviations, and what these add to the code."""
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        part: Tensor = style(torch.cat([mean, variance.sqrt()], 1).flatten(1))
        return (x - mean) * (variance + EPSILON).rsqrt(), part


class Discriminator(nn.Module):
    """The encoder, and what a code says of whether its picture is real.

    Args:
        encoder: the generator's.
        widths: of the layers behind it, from the code on; the last one has many outputs, of which one counts.
    """

    def __init__(self, encoder: Encoder, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.widths = encoder, list(widths)
        self.layers = nn.ModuleList(Dense(a, b) for a, b in pairwise(widths))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logits; higher is more real.

        Args:
            images: (n, 3, s, s) in [-1, 1], see `Encoder`.
            labels: not used.

        Returns:
            (n, 1).
        """
        return self.of_codes(self.encoder(images))

    def of_codes(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, d). Returns: (n, 1): the one of the last layer's outputs that is trained."""
        for layer in self.layers:
            codes = layer(codes)
        middle = codes.shape[1] // 2
        return codes[:, middle : middle + 1]
