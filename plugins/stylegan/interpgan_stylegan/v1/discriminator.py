"""The discriminator of StyleGAN 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import InterpganError
from interpgan_core.plugin import as_channels, group_std
from interpgan_stylegan.v1.network import SLOPE, Dense


class Discriminator(nn.Module):
    """Pictures to logits.

    Args:
        widths: channels at the picture's size, half of it … 4 pixels.
        hidden: of the last layer but one.
        classes: 0 = unconditional.
        area: positions of the smallest maps.
        channels: of the pictures.

    Attributes:
        group: over how many pictures the last layers compare deviations (minibatch standard deviation);
            of no more than there are.
    """

    input0: _Conv

    def __init__(
        self, widths: Sequence[int], hidden: int, classes: int, area: int = 16, channels: int = 3
    ) -> None:
        super().__init__()
        self.channels = channels
        self.shape = {
            "widths": list(widths),
            "hidden": hidden,
            "classes": classes,
            "area": area,
            "channels": channels,
        }
        self.group, self.classes, self.last = 4, classes, len(widths) - 1
        for j, width in enumerate(widths):
            self.add_module(f"input{j}", _Conv(channels, width, 1))
            if j < self.last:
                self.add_module(f"layer{2 * j}", _Conv(width, width, 3))
                self.add_module(f"layer{2 * j + 1}", _Conv(width, widths[j + 1], 3, down=True))
        self.add_module(f"layer{2 * self.last}", _Conv(widths[-1] + 1, widths[-1], 3))
        self.add_module(f"layer{2 * self.last + 1}", _Hidden(widths[-1] * area, hidden, 2**0.5))
        self.add_module(f"layer{2 * self.last + 2}", Dense(hidden, max(classes, 1)))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of images.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of 1 or 4 channels; n a multiple of `group`, or no more than it.
            labels: (n, classes) class weights where there are classes.

        Returns:
            (n, 1) logits.

        Raises:
            InterpganError: if labels are missing, or n is not a multiple of the group.
        """
        if self.classes and labels is None:
            raise InterpganError(f"this discriminator has {self.classes} classes; give it labels")
        x: Tensor = self.input0(as_channels(images, self.channels))
        for k in range(2 * self.last):
            x = self.get_submodule(f"layer{k}")(x)
        x = self.get_submodule(f"layer{2 * self.last}")(torch.cat([x, group_std(x, self.group)], 1))
        x = self.get_submodule(f"layer{2 * self.last + 1}")(x.flatten(1))
        x = self.get_submodule(f"layer{2 * self.last + 2}")(x)
        return (x * labels).sum(1, keepdim=True) if self.classes and labels is not None else x


class _Conv(nn.Module):
    """A blur where `down`, convolution, the mean of each 2x2 pixels where `down`, leaky ReLU.

    "Fused" checkpoints halve the size in the convolution, which is the same function.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, down: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.down = (2 / (inputs * kernel**2)) ** 0.5, down

    def forward(self, x: Tensor) -> Tensor:
        if self.down:
            line = x.new_tensor([1, 2, 1]) / 4
            blur = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
            x = functional.conv2d(x, blur, padding=1, groups=x.shape[1])
        x = functional.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[2] // 2)
        return functional.leaky_relu(functional.avg_pool2d(x, 2) if self.down else x, SLOPE)


class _Hidden(Dense):
    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(super().forward(x), SLOPE)
