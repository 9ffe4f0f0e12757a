"""The generator of stylegan2-pytorch. Shape symbols: n samples, c channels in, o out, d entries of a code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_lucidrains.layers import SLOPE, Attention, blur, doubled

EPSILON = 1e-8  # of the demodulation


class Mapping(nn.Module):
    """z to w: z at length 1, then dense layers.

    Args:
        depth: number of layers.
        width: entries of z and w.
        rate: the factor of every weight and bias (equalised learning rate).
    """

    def __init__(self, depth: int, width: int, rate: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.rate = rate

    def forward(self, z: Tensor) -> Tensor:
        """Args: z: (n, d). Returns: (n, d)."""
        w = functional.normalize(z, dim=1)  # its length, not its mean square, is 1
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            w = functional.linear(w, layer.weight * self.rate, layer.bias * self.rate)
            w = functional.leaky_relu(w, SLOPE)
        return w


class Modulated(nn.Module):
    """A convolution whose inputs are multiplied by 1 + a style each, without a bias.

    Source: Karras et al., CVPR 2020, equations 1 and 3; the style's bias is of a dense layer of torch's, and the 1 is
    added here.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, width: int) -> None:
        super().__init__()
        self.style = nn.Linear(width, inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))

    def styled(self, w: Tensor) -> Tensor:
        """Args: w: (n, d). Returns: (n, c) float32."""
        styles: Tensor = self.style(w.to(self.weight.dtype))
        return styles.to(torch.promote_types(styles.dtype, torch.float32))

    def convolved(self, x: Tensor, styles: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); styles: (n, c). Returns: (n, o, h, w), not demodulated."""
        scaled = x * (styles + 1).to(x.dtype)[:, :, None, None]
        return functional.conv2d(scaled, self.weight, padding=self.weight.shape[2] // 2)


class Layer(Modulated):
    """Upsampling where `up`, a modulated and demodulated convolution, noise, a leaky ReLU: a synthesis layer."""

    def __init__(self, inputs: int, outputs: int, width: int, up: bool) -> None:
        super().__init__(inputs, outputs, 3, width)
        self.noise = nn.Linear(1, outputs)  # a gain and a bias for each channel
        self.up = up

    def forward(self, x: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); styles: (n, c); noise: (n or 1, s, s), at least as large. Returns: (n, o, h', w')."""
        x = self.convolved(doubled(x) if self.up else x, styles)
        # Equation 3, on what the convolution gives: the same as on its weights, for all samples at once.
        lengths = self.weight.to(styles.dtype).square().sum((2, 3))
        scale = (functional.linear((styles + 1).square(), lengths) + EPSILON).rsqrt().to(x.dtype)
        height, width = x.shape[2:]
        # The package gives columns where rows are meant.
        maps = noise[:, :width, :height].transpose(1, 2)[:, None].to(x.dtype)
        maps = maps * self.noise.weight[:, 0, None, None] + self.noise.bias[:, None, None]
        return functional.leaky_relu(x * scale[:, :, None, None] + maps, SLOPE)


class Block(nn.Module):
    """Two layers, and a step to the picture."""

    def __init__(
        self, inputs: int, outputs: int, channels: int, width: int, up: bool, last: bool, blurred: bool
    ) -> None:
        super().__init__()
        self.conv1 = Layer(inputs, outputs, width, up)
        self.conv2 = Layer(outputs, outputs, width, up=False)
        self.rgb = Modulated(outputs, channels, 1, width)
        self.last, self.blurred = last, blurred

    def forward(
        self, x: Tensor, rgb: Tensor | None, styles: Sequence[Tensor], noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Maps and the picture so far, enlarged, and blurred where it is, but behind the last block."""
        x = self.conv2(self.conv1(x, styles[0], noise), styles[1], noise)
        drawn = self.rgb.convolved(x, styles[2])
        drawn = drawn if rgb is None else drawn + rgb
        if self.last:
            return x, drawn
        drawn = doubled(drawn)
        return x, blur(drawn) if self.blurred else drawn


class Network(nn.Module):
    """Mapping and synthesis.

    Args:
        width: entries of z and w.
        depth: layers of the mapping.
        rate: of the mapping.
        channels: of the maps at 4, 8, 16 … pixels, after those that the first block takes.
        colours: channels of the pictures, 3 or 4.
        constant: are the first maps a constant? Or else made of a code.
        attention: numbers of the blocks that have attention before them.
        blurred: are pictures blurred where they are enlarged? Not in the package's first versions.

    Attributes:
        shape: the arguments that it was made with, as JSON values.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        rate: float,
        channels: Sequence[int],
        colours: int,
        constant: bool,
        attention: Sequence[int],
        blurred: bool = True,
    ) -> None:
        super().__init__()
        self.shape: dict[str, Any] = {
            "width": width,
            "depth": depth,
            "rate": rate,
            "channels": list(channels),
        }
        self.shape |= {"colours": colours, "constant": constant, "attention": list(attention)}
        self.shape["blurred"] = blurred
        self.width, self.constant = width, constant
        self.mapping = Mapping(depth, width, rate)
        first = channels[0]
        self.start = nn.Parameter(torch.empty(1 if constant else width, first, 4, 4))
        self.stem = nn.Conv2d(first, first, 3, padding=1)
        count = len(channels) - 1
        self.blocks = nn.ModuleList(
            Block(
                channels[i], channels[i + 1], colours, width, up=i > 0, last=i == count - 1, blurred=blurred
            )
            for i in range(count)
        )
        self.attention = nn.ModuleDict({str(i): Attention(channels[i]) for i in attention})

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return 4 << (len(self.blocks) - 1)

    @property
    def each(self) -> list[Block]:
        """The blocks."""
        return [block for block in self.blocks if isinstance(block, Block)]

    @property
    def layers(self) -> list[str]:
        """Names of the layers that have a row of w+ each, in the order of the rows."""
        names = [f"blocks.{i}.conv{k}" for i in range(len(self.blocks)) for k in (1, 2)]
        return names if self.constant else ["stem", *names]

    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, layers, d). Returns: (n, sum of all styles), in the order of use."""
        parts = [] if self.constant else [codes[:, 0]]
        rows = codes[:, len(parts) :]
        for i, block in enumerate(self.each):
            parts.append(block.conv1.styled(rows[:, 2 * i]))
            parts += [part.styled(rows[:, 2 * i + 1]) for part in (block.conv2, block.rgb)]
        return torch.cat(parts, 1)

    def forward(self, styles: Tensor, noise: Tensor) -> Tensor:
        """Args: styles: (n, s); noise: (n or 1, side, side). Returns: (n, colours, side, side), about [0, 1]."""
        sizes = [part.weight.shape[1] for b in self.each for part in (b.conv1, b.conv2, b.rgb)]
        parts = styles.split(([] if self.constant else [self.width]) + sizes, 1)
        if self.constant:
            x = self.start.expand(len(styles), -1, -1, -1)
        else:
            x = functional.conv_transpose2d(parts[0].to(self.start.dtype)[:, :, None, None], self.start)
            parts = parts[1:]
        x = self.stem(x)
        rgb: Tensor | None = None
        for i, block in enumerate(self.each):
            if str(i) in self.attention:
                x = self.attention[str(i)](x)
            x, rgb = block(x, rgb, parts[3 * i : 3 * i + 3], noise)
        assert rgb is not None
        return rgb

    def cast(self, dtype: torch.dtype) -> None:
        """Put synthesis, not the mapping, into a kind of number."""
        for part in (self.stem, self.blocks, self.attention):
            part.to(dtype)
        self.start.data = self.start.data.to(dtype)
