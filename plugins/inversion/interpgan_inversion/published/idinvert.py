"""The encoder of IDInvert, in-domain inversion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_inversion.published.layers import Norm

SLOPE = 0.2  # of the leaky ReLU
LAST = 4  # side of the map that codes are read from


class Named(nn.Module):
    """Batch norm under the name that it has in files.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c) or (n, c, h, w). Returns: of the same shape."""
        normed: Tensor = self.bn(x)
        return normed


class Bias(nn.Module):
    """What a layer adds to every channel.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: of the same shape."""
        return x + self.bias[:, None, None]


class First(nn.Module):
    """The first block.

    Args:
        after: channels.
    """

    def __init__(self, after: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, after, 3, 1, 1, bias=False), Named(after)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, 3, h, w). Returns: (n, after, h, w)."""
        return functional.leaky_relu(self.bn(self.conv(x)), SLOPE)


class Residual(nn.Module):
    """A block of two convolutions with a way round them.

    Args:
        before, after: channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        between = min(before, after)
        self.conv = None
        if before != after:
            self.conv, self.bn = nn.Conv2d(before, after, 1, bias=False), Named(after)
        self.conv1 = nn.Conv2d(before, between, 3, 1, 1, bias=False)
        self.wscale1, self.bn1 = Bias(between), Named(between)
        self.conv2 = nn.Conv2d(between, after, 3, 1, 1, bias=False)
        self.wscale2, self.bn2 = Bias(after), Named(after)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, before, h, w). Returns: (n, after, h, w)."""
        beside = x if self.conv is None else functional.leaky_relu(self.bn(self.conv(x)), SLOPE)
        x = functional.leaky_relu(self.bn1(self.wscale1(self.conv1(x))), SLOPE)
        x = functional.leaky_relu(self.bn2(self.wscale2(self.conv2(x))), SLOPE)
        return x + beside


class Last(nn.Module):
    """The last block, which reads all codes at once.

    Args:
        inputs, outputs: numbers.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(inputs, outputs, bias=False), Named(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs)."""
        codes: Tensor = self.bn(self.fc(x.flatten(1)) / self.fc.in_features**0.5)
        return codes


class InDomainEncoder(nn.Module):
    """Maps pictures to codes of a StyleGAN 1, one for each layer.

    Args:
        widths: channels of every block but the last.
        codes: how many.
        size: numbers of a code.

    Attributes:
        side: of the pictures, in pixels.

    Source:
        Zhu et al., In-Domain GAN Inversion for Real Image Editing, ECCV 2020.
    """

    def __init__(self, widths: Sequence[int], codes: int, size: int) -> None:
        super().__init__()
        self.codes, self.size = codes, size
        self.side = LAST * 2 ** (len(widths) - 1)
        blocks = [First(widths[0]), *(Residual(before, after) for before, after in pairwise(widths))]
        blocks.append(Last(widths[-1] * LAST**2, codes * size))
        for i, block in enumerate(blocks):
            self.add_module(f"block{i}", block)

    def forward(self, pictures: Tensor) -> Tensor:
        """Codes.

        Args:
            pictures: (n, 3, side, side) in [-1, 1].

        Returns:
            (n, codes, size).
        """
        x, last = pictures, len(self._modules) - 1
        for i, block in enumerate(self.children()):
            x = block(functional.avg_pool2d(x, 2) if 0 < i < last else x)
        return x.view(-1, self.codes, self.size)
