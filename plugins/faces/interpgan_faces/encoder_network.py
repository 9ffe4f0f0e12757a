"""The network of `faces.encoder`: EfficientNet-Lite0 with a linear head on its last two sizes.

Source:
    Tan & Le, EfficientNet, ICML 2019; Lite0: no squeeze-and-excitation, ReLU6 in place of swish.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 128  # of its pictures, in pixels
CODE = 512  # size of a code of W
# kernel, stride, expansion, channels, repetitions
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
SEEN = 112 * 8**2 + 320 * 4**2  # numbers that the head takes: maps of 8 and of 4 pixels a side
FEW = 76  # numbers between these and the code


class ConvNorm(nn.Module):
    """A convolution with TensorFlow's padding, and its normalisation.

    Args:
        taken, given: channels.
        kernel, stride, groups: of the convolution.
    """

    def __init__(self, taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(given, eps=1e-3, momentum=0.01)
        more = kernel - stride  # all that is added; of an odd number the larger part comes behind
        self.padding = [more // 2, more - more // 2] * 2

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, taken, h, w). Returns: (n, given, h / stride, w / stride)."""
        found: Tensor = self.norm(self.conv(functional.pad(x, self.padding)))
        return found


class Block(nn.Module):
    """A mobile inverted bottleneck.

    Args:
        taken, given: channels.
        kernel, stride: of the depthwise convolution.
        expansion: how many times as many channels there are within.
    """

    def __init__(self, taken: int, given: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        within = taken * expansion
        self.expand = ConvNorm(taken, within, 1) if expansion > 1 else None
        self.depthwise = ConvNorm(within, within, kernel, stride, groups=within)
        self.project = ConvNorm(within, given, 1)
        self.adds = stride == 1 and taken == given

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, taken, h, w). Returns: (n, given, h / stride, w / stride)."""
        within = x if self.expand is None else functional.relu6(self.expand(x))
        found: Tensor = self.project(functional.relu6(self.depthwise(within)))
        return found + x if self.adds else found


class FaceEncoderNet(nn.Module):
    """Maps aligned faces to deviations from the mean of W."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        blocks, taken = [], 32
        for kernel, stride, expansion, given, count in STAGES:
            for i in range(count):
                blocks.append(Block(taken, given, kernel, stride if i == 0 else 1, expansion))
                taken = given
        self.blocks = nn.ModuleList(blocks)
        self.down, self.up = nn.Linear(SEEN, FEW), nn.Linear(FEW, CODE)

    def forward(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, 128, 128) float32 in [-1, 1]. Returns: (n, 512)."""
        x = functional.relu6(self.stem(images))
        middle = x
        for block in self.blocks:
            after = block(x)
            if after.shape[2] < x.shape[2]:
                middle = x  # the last maps before the picture is halved
            x = after
        seen = torch.cat([middle.flatten(1), x.flatten(1)], 1)
        found: Tensor = self.up(self.down(functional.dropout(seen, 0.1, self.training)))
        return found
