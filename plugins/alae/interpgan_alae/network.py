"""Mapping and synthesis of ALAE. Shape symbols: n samples, c channels, h w pixels, d entries of a code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every leaky ReLU
EPSILON = 1e-8  # of pixel norm, and of the instance norms here
FUSED = 128  # from this size of maps on, upsampling and convolution are one


class Dense(nn.Module):
    """A linear layer whose weights are used as they are: the learning rate is equalised in training alone."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, inputs). Returns: (n, outputs)."""
        return functional.linear(x, self.weight, self.bias)


class Mapping(nn.Module):
    """z to w: pixel norm, then dense layers, each with a leaky ReLU."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(a, b) for a, b in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        """Args: z: (n, d). Returns: (n, d)."""
        w = z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        for layer in self.layers:
            w = functional.leaky_relu(layer(w), SLOPE)
        return w


class Layer(nn.Module):
    """Half a block: convolution, noise, bias, leaky ReLU, instance norm, and the style at the end.

    Args:
        inputs: channels that it takes.
        outputs: channels that it gives.
        side: of the maps that it gives.
        width: entries of w.
        level: number of the block, by which the noise of the mean grows.
        kind: "const": no convolution; "up": upsampling, convolution, blur; "conv".
    """

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int, side: int, width: int, level: int, kind: str) -> None:
        super().__init__()
        self.kind, self.fused, self.level = kind, side >= FUSED, level
        if kind != "const":
            shape = (inputs, outputs) if kind == "up" and self.fused else (outputs, inputs)
            self.weight = nn.Parameter(torch.empty(*shape, 3, 3))
        if kind == "up":
            self.register_buffer("kernel", torch.empty(outputs, 1, 3, 3))
        self.gain = nn.Parameter(torch.empty(1, outputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(1, outputs, 1, 1))
        self.style = Dense(width, 2 * outputs)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Maps of the layer.

        Args:
            x: (n, inputs, h, w).
            style: (n, 2 outputs): scales less 1, and offsets.
            noise: (n, 1, h', w'); None: what the original adds without noise; a (0,) tensor: nothing.

        Returns:
            (n, outputs, h', w').
        """
        x = self.convolved(x)
        if noise is None:
            x = x + self.bump(x)
        elif len(noise):
            x = x + self.gain * noise.to(x.dtype)
        x = functional.leaky_relu(x + self.bias, SLOPE)
        x = functional.instance_norm(x, eps=EPSILON)
        scale, offset = style.to(x.dtype)[:, :, None, None].chunk(2, 1)
        return x * (scale + 1) + offset

    def convolved(self, x: Tensor) -> Tensor:
        """The convolution alone, with upsampling and blur where it has them."""
        if self.kind == "const":
            return x
        if self.kind == "conv":
            return functional.conv2d(x, self.weight, padding=1)
        if self.fused:
            x = functional.conv_transpose2d(x, summed(self.weight), stride=2, padding=1)
        else:
            x = functional.conv2d(functional.interpolate(x, scale_factor=2.0), self.weight, padding=1)
        return functional.conv2d(x, self.kernel, padding=1, groups=x.shape[1])

    def bump(self, x: Tensor) -> Tensor:
        """What stands for noise without any: largest where maps are near 0, as noise matters most there."""
        spread = math.sqrt(self.level + 1)
        height = 0.8 * spread / math.sqrt(2 * math.pi)
        return height * torch.exp(-x.square() / (2 * spread**2))


def summed(weight: Tensor) -> Tensor:
    """A 3 x 3 kernel as the 4 x 4 one of a convolution with the sum of each 2 x 2 pixels.

    Args:
        weight: (a, b, 3, 3).

    Returns:
        (a, b, 4, 4).
    """
    padded = functional.pad(weight, (1, 1, 1, 1))
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    return rows[..., 1:] + rows[..., :-1]


class Block(nn.Module):
    """Two layers, and a step to the picture, which only the last block of those computed takes."""

    def __init__(self, inputs: int, outputs: int, level: int, width: int, channels: int) -> None:
        super().__init__()
        side = 4 << level
        self.first = Layer(inputs, outputs, side, width, level, "up" if level else "const")
        self.second = Layer(outputs, outputs, side, width, level, "conv")
        self.picture = nn.Conv2d(outputs, channels, 1)


class Network(nn.Module):
    """The generator.

    Args:
        mapping: widths of the mapping, from z to w.
        widths: channels of the constant, then of each block's maps.
        channels: of the pictures.
        blocks: how many are computed; None = all.

    Attributes:
        shape: the arguments that it was made with but for `blocks`, as JSON values.

    Source:
        Pidhorskyi et al., CVPR 2020, figure 2; Karras et al., CVPR 2019, for the layers.
    """

    def __init__(
        self, mapping: Sequence[int], widths: Sequence[int], channels: int, blocks: int | None = None
    ) -> None:
        super().__init__()
        self.shape: dict[str, Any] = {"mapping": list(mapping), "widths": list(widths), "channels": channels}
        self.mapping, self.width = Mapping(mapping), mapping[-1]
        self.const = nn.Parameter(torch.empty(1, widths[0], 4, 4))
        self.blocks = nn.ModuleList(
            Block(widths[i], widths[i + 1], i, self.width, channels) for i in range(len(widths) - 1)
        )
        self.computed = blocks or len(self.blocks)

    @property
    def each(self) -> list[Block]:
        """All blocks."""
        return [block for block in self.blocks if isinstance(block, Block)]

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return 4 << (self.computed - 1)

    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, 2 blocks, d). Returns: (n, sum of all styles), layer by layer."""
        layers = [layer for block in self.each for layer in (block.first, block.second)]
        return torch.cat([layer.style(codes[:, k]) for k, layer in enumerate(layers)], 1)

    def forward(self, styles: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Args: styles: (n, s); noise: one for each layer, see `Layer`. Returns: (n, channels, side, side)."""
        sizes = [2 * layer.bias.shape[1] for block in self.each for layer in (block.first, block.second)]
        parts = styles.split(sizes, 1)
        x = self.const.expand(len(styles), -1, -1, -1)
        for i, block in enumerate(self.each[: self.computed]):
            x = block.first(x, parts[2 * i], noise[2 * i])
            x = block.second(x, parts[2 * i + 1], noise[2 * i + 1])
        images: Tensor = self.each[self.computed - 1].picture(x)
        return images

    def cast(self, dtype: torch.dtype) -> None:
        """Put the layers, not mapping and styles, into a kind of number."""
        for block in self.each:
            for layer in (block.first, block.second):
                for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False)):
                    tensor.data = tensor.data.to(dtype)
            block.picture.to(dtype)
        self.const.data = self.const.data.to(dtype)
