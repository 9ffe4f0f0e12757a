"""The generator of PGGAN and its layers. Shape symbols: n samples, c channels in, o channels out, h w pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import UpsamplingKernel

SLOPE = 0.2  # of every leaky ReLU
EPSILON = 1e-8  # of every pixel norm


class Network(nn.Module):
    """The generator: maps z, and a label where it has classes, to images.

    Args:
        inputs: entries of z and of the label together.
        widths: channels at 4, 8, 16 … pixels.
        lod: how many doublings of the size are left out, 0 to len(widths) - 1; a fraction blends.
        tanh: is the last layer a tanh?
        base: height and width of the first maps.
        channels: of the images.

    Attributes:
        shape: the arguments that it was made with.

    Source:
        Karras et al., Progressive Growing of GANs, ICLR 2018, sections 2 and 4 and appendix A.
    """

    layer0: First

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        lod: float = 0.0,
        tanh: bool = False,
        base: Sequence[int] = (4, 4),
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.lod, self.tanh, self.last = lod, tanh, len(widths) - 1
        self.shape: dict[str, Any] = {"inputs": inputs, "widths": list(widths), "lod": lod, "tanh": tanh}
        self.shape |= {"base": list(base), "channels": channels}
        for block, width in enumerate(widths):
            first = First(inputs, width, base) if block == 0 else Layer(widths[block - 1], width, up=True)
            self.add_module(f"layer{2 * block}", first)
            self.add_module(f"layer{2 * block + 1}", Layer(width, width))
            self.add_module(f"output{block}", Output(width, channels))

    @property
    def blocks(self) -> int:
        """The number of blocks that are computed: those up to the size that `lod` leaves."""
        return self.last + 1 - math.floor(self.lod)

    def normalise(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Args: z: (n, d); labels: (n, classes); Returns: (n, d + classes), the input of the first layer."""
        z = z * pixel_scale(z)
        return z if labels is None else torch.cat([z, labels.to(z)], 1)

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Images in the dtype of the layers, (n, channels, h, w); always at the full size."""
        x = self.normalise(z, labels).to(self.layer0.weight.dtype)
        before: Tensor = x
        for block in range(self.blocks):
            before, x = x, self.get_submodule(f"layer{2 * block}")(x)
            x = self.get_submodule(f"layer{2 * block + 1}")(x)
        images: Tensor = self.get_submodule(f"output{self.blocks - 1}")(x)
        coarse = self.lod - math.floor(self.lod)
        if coarse:
            images = images.lerp(_nearest(self.get_submodule(f"output{self.blocks - 2}")(before)), coarse)
        if self.blocks <= self.last:
            images = _nearest(images, 2 ** (self.last + 1 - self.blocks))
        return images.tanh() if self.tanh else images


class First(nn.Module):
    """z to the first maps: a dense layer, which checkpoints hold as a convolution with a flipped kernel."""

    def __init__(self, inputs: int, outputs: int, base: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, *base))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale = equalised(inputs * base[0] * base[1])

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, d); Returns: (n, o, h, w), 4 x 4 in most networks."""
        rows = self.weight.permute(0, 2, 3, 1).flatten(0, 2)  # no copy: the weight is channels-last
        y = functional.linear(x * (pixel_scale(x) * self.scale), rows)
        y = y.view(len(y), -1, *self.weight.shape[2:]).flip(2, 3) + self.bias[:, None, None]
        return functional.leaky_relu(y.contiguous(memory_format=torch.channels_last), SLOPE)


class Layer(nn.Module):
    """Pixel norm, nearest upsampling where `up`, 3x3 convolution, leaky ReLU.

    Upsampling and convolution are one transposed convolution. The factors of pixel norm and of the equalised weight are
    one multiplication of the maps.
    """

    def __init__(self, inputs: int, outputs: int, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.up = equalised(inputs * 9), up
        self.kernel = UpsamplingKernel()

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w), best channels-last; Returns: (n, o, h, w), or twice as high and wide."""
        x = x * (pixel_scale(x) * self.scale)
        if self.up:
            x = functional.conv_transpose2d(x, self.kernel(self.weight), self.bias, stride=2, padding=1)
        else:
            x = functional.conv2d(x, self.weight, self.bias, padding=1)
        return functional.leaky_relu_(x, SLOPE)


class Output(nn.Module):
    """Pixel norm and a 1x1 convolution to the channels of the image."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels))
        self.scale = equalised(inputs, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, channels, h, w)."""
        colours = functional.conv2d(x, self.weight)  # normalised afterwards: few channels, not c
        return torch.addcmul(self.bias[:, None, None], colours, pixel_scale(x) * self.scale)


def equalised(fan_in: int, gain: float = 2**0.5) -> float:
    """The factor of a stored weight (equalised learning rate)."""
    # He's constant at runtime: w / c of section 4.1, so that all weights learn at the same rate.
    return float(gain / fan_in**0.5)


def pixel_scale(x: Tensor) -> Tensor:
    """Args: x: (n, c, …); Returns: (n, 1, …), the factor that gives each pixel's channels mean square 1."""
    # Pixel norm, section 4.2: b = a / sqrt(mean over channels of a² + ε).
    wide = torch.promote_types(x.dtype, torch.float32)  # squares may exceed the range of float16
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=wide)
    scale: Tensor = (length.square() / x.shape[1] + EPSILON).rsqrt().to(x.dtype)
    return scale


def _nearest(x: Tensor, times: int = 2) -> Tensor:
    return functional.interpolate(x, scale_factor=float(times), mode="nearest")
