"""Layers of both networks: attention over channels, blur. Shape symbols: n samples, c channels, h w pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every leaky ReLU
HEADS, WIDTH = 8, 64  # of the attention
EPSILON = 1e-5  # of the channel norms


class Conv(nn.Module):
    """A convolution as torch has it, with its bias where it has one."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs, h / stride, w / stride)."""
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.weight.shape[2] // 2)


class Attention(nn.Module):
    """Linear attention, and two convolutions, each added to what it takes and behind a norm over the channels.

    Its cost grows with the number of pixels, not with its square: keys are compared channel by channel.

    Source: Shen et al., Efficient Attention, WACV 2021, as the package has it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * WIDTH
        self.first, self.second = Norm(channels), Norm(channels)
        self.query = Conv(channels, inner, 1, bias=False)
        self.local = nn.Parameter(torch.empty(channels, 1, 3, 3))
        self.key_value = Conv(channels, 2 * inner, 1, bias=False)
        self.out = Conv(inner, channels, 1)
        self.wide, self.narrow = Conv(channels, 2 * channels, 1), Conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: the same shape."""
        x = x + self.attended(self.first(x))
        wide = functional.leaky_relu(self.wide(self.second(x)), SLOPE)
        out: Tensor = x + self.narrow(wide)
        return out

    def attended(self, x: Tensor) -> Tensor:
        """The attention alone."""
        (n, c, height, width), shape = x.shape, (len(x), HEADS, WIDTH, -1)
        query = self.query(x).view(shape).softmax(2) * WIDTH**-0.5
        near = functional.conv2d(x, self.local, padding=1, groups=c)
        key, value = (part.reshape(shape) for part in self.key_value(near).chunk(2, 1))
        context = value @ key.softmax(3).transpose(2, 3)
        found = (context @ query).reshape(n, HEADS * WIDTH, height, width)
        out: Tensor = self.out(functional.gelu(found))
        return out


class Norm(nn.Module):
    """Each pixel's channels with mean 0 and deviation 1, then a gain and a bias a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: the same shape."""
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        return (x - mean) * (variance + EPSILON).rsqrt() * self.gain + self.bias


def blur(x: Tensor) -> Tensor:
    """A binomial kernel over 3 x 3 pixels, the border mirrored.

    Args:
        x: (n, c, h, w), at least 2 pixels each way.

    Returns:
        The same shape.
    """
    padded = functional.pad(x, (1, 1, 1, 1), "reflect")
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def doubled(x: Tensor) -> Tensor:
    """Args: x: (n, c, h, w). Returns: (n, c, 2 h, 2 w), bilinear."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
