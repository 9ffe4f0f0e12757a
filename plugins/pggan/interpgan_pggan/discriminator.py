"""The discriminator of PGGAN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import as_channels, group_std
from interpgan_pggan.network import SLOPE, equalised


class Discriminator(nn.Module):
    """Maps images to a logit, and to one logit for each class where there are classes.

    Args:
        widths: channels at the size of the images, half of it … 4 pixels.
        hidden: outputs of the last layer but one.
        outputs: 1 + classes.
        fused: are maps halved before the activation, in the convolution, rather than after it?
        area: positions of the smallest maps.
        channels: of the images.

    Attributes:
        group: how many images the minibatch standard deviation is taken over; of a smaller batch, all of them.
            16 where the published code does not say otherwise; the paper: 4.
        shape: the arguments that it was made with.
    """

    input0: _Conv

    def __init__(
        self,
        widths: Sequence[int],
        hidden: int,
        outputs: int,
        fused: bool,
        area: int = 16,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.group, self.last = 16, len(widths) - 1
        self.shape = {"widths": list(widths), "hidden": hidden, "outputs": outputs, "fused": fused}
        self.shape |= {"area": area, "channels": channels}
        self.channels = channels
        for j, width in enumerate(widths):
            self.add_module(f"input{j}", _Conv(channels, width, 1))
            if j < self.last:
                self.add_module(f"layer{2 * j}", _Conv(width, width, 3))
                self.add_module(f"layer{2 * j + 1}", _Conv(width, widths[j + 1], 3, down=True, fused=fused))
        self.add_module(f"layer{2 * self.last}", _Conv(widths[-1] + 1, widths[-1], 3))
        self.add_module(f"layer{2 * self.last + 1}", _Dense(widths[-1] * area, hidden))
        self.add_module(f"layer{2 * self.last + 2}", _Dense(hidden, outputs, linear=True))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logits of images; higher is more real.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of 1 or 4 channels; n a multiple of `group`, or no more than it.
            labels: not used; classes are outputs, see `outputs`.

        Returns:
            (n, 1) logits.

        Raises:
            InterpganError: if n is not a multiple of the group.
        """
        return self.outputs(images)[:, :1]

    def outputs(self, images: Tensor) -> Tensor:
        """The logit, then the score of each class: (n, 1 + classes); otherwise as `forward`."""
        x: Tensor = self.input0(as_channels(images, self.channels))
        for k in range(2 * self.last):
            x = self.get_submodule(f"layer{k}")(x)
        x = self.get_submodule(f"layer{2 * self.last}")(torch.cat([x, group_std(x, self.group)], 1))
        x = self.get_submodule(f"layer{2 * self.last + 1}")(x.flatten(1))
        outputs: Tensor = self.get_submodule(f"layer{2 * self.last + 2}")(x)
        return outputs


class _Conv(nn.Module):
    """Convolution, leaky ReLU, and the mean of each 2x2 pixels where `down`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, down: bool = False, fused: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.down, self.fused = equalised(inputs * kernel**2), down, fused

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[2] // 2)
        if self.down and self.fused:
            x = functional.avg_pool2d(x, 2)
        x = functional.leaky_relu(x, SLOPE)
        return functional.avg_pool2d(x, 2) if self.down and not self.fused else x


class _Dense(nn.Module):
    def __init__(self, inputs: int, outputs: int, linear: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.linear = equalised(inputs, 1.0 if linear else 2**0.5), linear

    def forward(self, x: Tensor) -> Tensor:
        x = functional.linear(x, self.weight * self.scale, self.bias)
        return x if self.linear else functional.leaky_relu(x, SLOPE)
