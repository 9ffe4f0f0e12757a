"""The generator and the discriminator of DCGAN. Shape symbols: n samples, c channels, h w pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import as_channels

EPSILON = 1e-5  # of every batch norm, torch's own
SLOPE = 0.2  # of the discriminator's leaky ReLUs


@dataclass(frozen=True)
class Step:
    """One convolution.

    Args:
        inputs: channels that it takes.
        outputs: channels that it gives.
        kernel: side of its kernel.
        stride: of the convolution, or of the transposed one.
        padding: likewise.
        extra: rows that a transposed convolution adds at the bottom and at the right.
        bias: has it one?
        norm: is a batch norm behind it?
    """

    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: int
    extra: int = 0
    bias: bool = False
    norm: bool = True

    def enlarged(self, side: int) -> int:
        """The side of what a transposed convolution makes of maps of this side."""
        return (side - 1) * self.stride - 2 * self.padding + self.kernel + self.extra

    def reduced(self, side: int) -> int:
        """The side of what a convolution makes of maps of this side; 0 or less where its kernel does not fit."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


class Norm(nn.Module):
    """Batch norm by the statistics of the training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.register_buffer("mean", torch.empty(channels))
        self.register_buffer("variance", torch.empty(channels))

    mean: Tensor
    variance: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: the same shape."""
        return functional.batch_norm(x, self.mean, self.variance, self.weight, self.bias, eps=EPSILON)

    @property
    def gain(self) -> Tensor:
        """(c,): what it multiplies each channel by."""
        return self.weight * (self.variance + EPSILON).rsqrt()


class Up(nn.Module):
    """A transposed convolution, a batch norm, a ReLU."""

    def __init__(self, step: Step, slope: float) -> None:
        super().__init__()
        self.step, self.slope = step, slope
        self.weight = nn.Parameter(torch.empty(step.inputs, step.outputs, step.kernel, step.kernel))
        self.bias = nn.Parameter(torch.empty(step.outputs)) if step.bias else None
        self.norm = Norm(step.outputs) if step.norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs, h', w')."""
        x = self.convolved(x)
        if self.norm is None:
            return x
        return functional.leaky_relu(self.norm(x), self.slope) if self.slope else self.norm(x).relu()

    def convolved(self, x: Tensor) -> Tensor:
        """The transposed convolution alone."""
        step = self.step
        return functional.conv_transpose2d(x, self.weight, self.bias, step.stride, step.padding, step.extra)


class Network(nn.Module):
    """The generator: z, and the weights of the classes behind it, to images.

    Args:
        steps: of its layers, as `Step` or as the dicts of their fields.
        sigmoid: does it end in a sigmoid, in place of a tanh?
        slope: of its ReLUs below 0.

    Attributes:
        shape: the arguments that it was made with, as JSON values.

    Source:
        Radford et al., ICLR 2016, section 3 and figure 1; the numbers of kernels and paddings are those of PyTorch's
        tutorial.
    """

    def __init__(
        self, steps: Sequence[Step | dict[str, Any]], sigmoid: bool = False, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.steps = [step if isinstance(step, Step) else Step(**step) for step in steps]
        self.sigmoid, self.slope = sigmoid, slope
        self.shape = {"steps": [asdict(step) for step in self.steps], "sigmoid": sigmoid, "slope": slope}
        self.layers = nn.ModuleList(Up(step, slope) for step in self.steps[:-1])
        self.picture = Up(self.steps[-1], slope)

    @property
    def first(self) -> Up:
        """The layer that takes z."""
        layer = self.layers[0]
        assert isinstance(layer, Up)
        return layer

    @property
    def side(self) -> int:
        """Of the images, in pixels."""
        side = 1
        for step in self.steps:
            side = step.enlarged(side)
        return side

    def forward(self, z: Tensor) -> Tensor:
        """Args: z: (n, d). Returns: (n, c, h, w) in [-1, 1], in the dtype of the weights."""
        x = z[:, :, None, None].to(self.picture.weight.dtype)
        for layer in self.layers:
            x = layer(x)
        drawn: Tensor = self.picture(x)
        return drawn.sigmoid() * 2 - 1 if self.sigmoid else drawn.tanh()


class Down(nn.Module):
    """A convolution, a batch norm where it has one, a leaky ReLU."""

    def __init__(self, step: Step, linear: bool) -> None:
        super().__init__()
        self.step, self.linear = step, linear
        self.weight = nn.Parameter(torch.empty(step.outputs, step.inputs, step.kernel, step.kernel))
        self.bias = nn.Parameter(torch.empty(step.outputs)) if step.bias else None
        self.norm = Norm(step.outputs) if step.norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs, h', w')."""
        x = functional.conv2d(x, self.weight, self.bias, self.step.stride, self.step.padding)
        x = x if self.norm is None else self.norm(x)
        return x if self.linear else functional.leaky_relu(x, SLOPE)


class Discriminator(nn.Module):
    """Maps images to a logit.

    Args:
        steps: of its layers, as `Step` or as the dicts of their fields.

    Attributes:
        shape: the argument that it was made with, as JSON values.
    """

    def __init__(self, steps: Sequence[Step | dict[str, Any]]) -> None:
        super().__init__()
        self.steps = [step if isinstance(step, Step) else Step(**step) for step in steps]
        self.shape = {"steps": [asdict(step) for step in self.steps]}
        last = len(self.steps) - 1
        self.layers = nn.ModuleList(Down(step, linear=i == last) for i, step in enumerate(self.steps))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logit before the tutorial's sigmoid; higher is more real.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of as many channels as the generator draws.
            labels: not used.

        Returns:
            (n, 1).
        """
        x = as_channels(images, self.steps[0].inputs)
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1)
