"""The discriminators of StyleGAN 2, with NVIDIA's names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import InterpganError
from interpgan_core.plugin import as_channels
from interpgan_stylegan.dense import EPSILON, GAIN, SLOPE, Affine, Dense, Mapping
from interpgan_stylegan.v2.architecture import DiscriminatorPlan
from interpgan_stylegan.v2.resampling import shrink, smooth


class Discriminator(nn.Module):
    """Pictures to logits: blocks `b{resolution}` … `b8`, and `b4`.

    Source:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020, section 4. Minibatch
        deviations: Progressive Growing of GANs, ICLR 2018, section 3.
    """

    def __init__(self, plan: DiscriminatorPlan) -> None:
        super().__init__()
        self.plan, self.classes, self.depth = plan, plan.classes, len(plan.widths)
        if plan.mapping:
            self.mapping = Mapping(0, plan.mapping, plan.classes, plan.embedding, joint=False)
        for i in range(1, self.depth):
            self.add_module(f"b{4 * 2**i}", Block(plan, i))
        self.b4 = Last(plan)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            images: (n, 3, h, w), nominally in [-1, 1]; those of 1, 3 and 4 channels become what the network takes.
            labels: (n, classes) class weights; None = unconditional.

        Returns:
            (n, 1) logits; positive = looks real.

        Raises:
            InterpganError: if the number of pictures is not a multiple of the group that standard
                deviations are taken over, or classes are needed and not given.
        """
        if self.classes and labels is None:
            raise InterpganError(f"this discriminator has {self.classes} classes; give it labels")
        images = as_channels(images, self.plan.channels)
        x: Tensor | None = None
        for i in reversed(range(1, self.depth)):
            x, images = self.get_submodule(f"b{4 * 2**i}")(x, images)
        found: Tensor = self.b4(x, images)
        if not self.classes or labels is None:
            return found
        weights: Tensor
        if hasattr(self, "mapping"):
            weights = self.mapping(None, labels) * found.shape[1] ** -0.5
        else:
            weights = labels.to(found)
        return (found * weights).sum(1, keepdim=True)


class Conv(nn.Module):
    """Convolution and activation.

    Args:
        inputs, outputs: channels.
        size: of the kernel, 3 or 1.
        clamp: bound of the result before its gain; None = none.
        down: halve the size.
        gain: on the result.
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, clamp: float | None, down: bool = False, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.down, self.gain = down, gain * GAIN
        self.limit = None if clamp is None else clamp * gain

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, o, h, w), or (n, o, h/2, w/2)."""
        if self.down:
            x = smooth(x, padding=2)
        weight = self.weight * self.weight[0].numel() ** -0.5
        stride, padding = (2, 0) if self.down else (1, weight.shape[2] // 2)
        x = functional.conv2d(x, weight, self.bias, stride=stride, padding=padding)
        x = functional.leaky_relu(x, SLOPE) * self.gain
        return x if self.limit is None else x.clamp(-self.limit, self.limit)


class Skip(nn.Module):
    """The way round the convolutions of a block of the resnet architecture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, o, h/2, w/2)."""
        return functional.conv2d(shrink(x), self.weight * (0.5 / self.weight.shape[1]) ** 0.5)


class Block(nn.Module):
    """The layers of one resolution above 4 pixels."""

    def __init__(self, plan: DiscriminatorPlan, number: int) -> None:
        super().__init__()
        width, after = plan.widths[number], plan.widths[number - 1]
        self.sees, self.resnet = plan.architecture == "skip", plan.architecture == "resnet"
        if self.sees or number == len(plan.widths) - 1:
            self.fromrgb = Conv(plan.channels, width, 1, plan.clamp)
        self.conv0 = Conv(width, width, 3, plan.clamp)
        self.conv1 = Conv(width, after, 3, plan.clamp, down=True, gain=0.5**0.5 if self.resnet else 1.0)
        if self.resnet:
            self.skip = Skip(width, after)

    def forward(self, x: Tensor | None, images: Tensor) -> tuple[Tensor, Tensor]:
        """Args: x: (n, c, h, w) or None; images: (n, 3, h, w); Returns: both at half the size."""
        if x is None:
            x = self.fromrgb(images)
        elif self.sees:
            x = x + self.fromrgb(images)
        if self.sees:
            images = shrink(images)
        around = self.skip(x) if self.resnet else 0
        return self.conv1(self.conv0(x)) + around, images


class Last(nn.Module):
    """The layers at 4 pixels."""

    def __init__(self, plan: DiscriminatorPlan) -> None:
        super().__init__()
        width = plan.widths[0]
        if plan.architecture == "skip" or len(plan.widths) == 1:
            self.fromrgb = Conv(plan.channels, width, 1, None)
        self.mbstd = GroupStd(plan.statistics, plan.group)
        self.conv = Conv(width + plan.statistics, width, 3, plan.clamp)
        self.fc = Dense(plan.area * width, plan.hidden)
        self.out = Affine(plan.hidden, plan.outputs)

    def forward(self, x: Tensor | None, images: Tensor) -> Tensor:
        """Args: x: (n, c, 4, 4) or None; images: (n, 3, 4, 4), if it sees them; Returns: (n, outputs)."""
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(images) + (0 if x is None else x)
        outputs: Tensor = self.out(self.fc(self.conv(self.mbstd(x)).flatten(1)))
        return outputs


class GroupStd(nn.Module):
    """Appends how much the samples of a group differ, so that too little variety shows.

    Args:
        channels: to append.
        group: samples of a group; 0 = all.
    """

    def __init__(self, channels: int, group: int) -> None:
        super().__init__()
        self.channels, self.group = channels, group

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, c + channels, h, w). Sample j is in group j mod (n / group).

        Raises:
            InterpganError: if n is not a multiple of the group.
        """
        if not self.channels:
            return x
        group = min(self.group or len(x), len(x))
        if len(x) % group:
            raise InterpganError(
                f"this discriminator compares {group} pictures with one another, and {len(x)} are not a multiple"
            )
        n, c, height, width = x.shape
        groups = x.reshape(group, n // group, self.channels, c // self.channels, height, width)
        spread = (groups.var(0, correction=0) + EPSILON).sqrt().mean((2, 3, 4))  # (n / group, channels)
        maps = spread.repeat(group, 1)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return torch.cat([x, maps], 1)
