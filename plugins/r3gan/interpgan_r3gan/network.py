"""Both networks of R3GAN. Shape symbols: n samples, c channels, h w pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import as_channels

SLOPE = 0.2  # of every leaky ReLU


@dataclass(frozen=True)
class Stage:
    """The blocks at one size of maps.

    Args:
        width: channels between the blocks.
        wide: channels inside a block.
        groups: of its 3 x 3 convolution.
        blocks: how many.
    """

    width: int
    wide: int
    groups: int
    blocks: int


class Block(nn.Module):
    """1 x 1, bias, leaky ReLU, 3 x 3 in groups, bias, leaky ReLU, 1 x 1; added to what it takes.

    Source: Huang et al., NeurIPS 2024, section 4: ResNeXt without norms, with a bottleneck that is wide.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.groups = stage.groups
        self.first = nn.Parameter(torch.empty(stage.wide, stage.width, 1, 1))
        self.middle = nn.Parameter(torch.empty(stage.wide, stage.wide // stage.groups, 3, 3))
        self.last = nn.Parameter(torch.empty(stage.width, stage.wide, 1, 1))
        self.bias1, self.bias2 = (nn.Parameter(torch.empty(stage.wide)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: the same shape."""
        y = functional.conv2d(x, self.first, self.bias1)
        y = functional.leaky_relu(y, SLOPE)
        y = functional.conv2d(y, self.middle, self.bias2, padding=1, groups=self.groups)
        y = functional.leaky_relu(y, SLOPE)
        return x + functional.conv2d(y, self.last)


class Start(nn.Module):
    """A code to the first maps: learnt maps of 4 x 4 pixels, each times what a linear layer makes of the code."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.empty(width, 4, 4))
        self.weight = nn.Parameter(torch.empty(width, inputs))

    def forward(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, d). Returns: (n, c, 4, 4)."""
        return self.basis * functional.linear(codes, self.weight)[:, :, None, None]


class Up(nn.Module):
    """A 1 x 1 convolution where the width changes, and maps twice as large, by the file's own kernel."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 1, 1)) if inputs != outputs else None
        self.register_buffer("kernel", torch.empty(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs, 2 h, 2 w)."""
        x = x if self.weight is None else functional.conv2d(x, self.weight)
        kernel = (4 * self.kernel).to(x.dtype).expand(x.shape[1], 1, -1, -1)
        return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Network(nn.Module):
    """The generator.

    Args:
        inputs: entries of z.
        classes: 0 = unconditional.
        embedded: entries that a label is embedded in.
        stages: from 4 pixels on, as `Stage` or as the dicts of their fields.
        channels: of the pictures.

    Attributes:
        shape: the arguments that it was made with, as JSON values.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        embedded: int,
        stages: Sequence[Stage | dict[str, Any]],
        channels: int,
    ) -> None:
        super().__init__()
        self.stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        self.shape: dict[str, Any] = {"inputs": inputs, "classes": classes, "embedded": embedded}
        self.shape |= {"stages": [asdict(stage) for stage in self.stages], "channels": channels}
        self.embedding = nn.Parameter(torch.empty(embedded, classes)) if classes else None
        self.start = Start(inputs + (embedded if classes else 0), self.stages[0].width)
        widths = [stage.width for stage in self.stages]
        self.ups = nn.ModuleList(Up(before, after) for before, after in pairwise(widths))
        self.blocks = nn.ModuleList(
            nn.ModuleList(Block(stage) for _ in range(stage.blocks)) for stage in self.stages
        )
        self.picture = nn.Parameter(torch.empty(channels, widths[-1], 1, 1))

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return 4 << (len(self.stages) - 1)

    @property
    def layers(self) -> list[str]:
        """Names of the modules whose maps can be edited, in forward order."""
        names = []
        for i, stage in enumerate(self.stages):
            names.append(f"ups.{i - 1}" if i else "start")
            names += [f"blocks.{i}.{k}" for k in range(stage.blocks)]
        return names

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Args: z: (n, d); labels: (n, classes). Returns: (n, channels, side, side) in the dtype of the weights."""
        codes = z
        if self.embedding is not None and labels is not None:
            codes = torch.cat([z, functional.linear(labels.to(z.dtype), self.embedding.to(z.dtype))], 1)
        x = self.start(codes.to(self.picture.dtype))
        for i, blocks in enumerate(self.blocks):
            x = self.ups[i - 1](x) if i else x
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                x = block(x)
        return functional.conv2d(x, self.picture)


class Down(nn.Module):
    """Maps half as large by the file's own kernel, and a 1 x 1 convolution where the width changes."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 1, 1)) if inputs != outputs else None
        self.register_buffer("kernel", torch.empty(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: (n, outputs, h / 2, w / 2)."""
        kernel = self.kernel.to(x.dtype).expand(x.shape[1], 1, -1, -1)
        x = functional.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])
        return x if self.weight is None else functional.conv2d(x, self.weight)


class Discriminator(nn.Module):
    """Maps images, and labels where it is conditional, to a logit.

    Args:
        classes: 0 = unconditional.
        stages: from the pictures' size down to 4 pixels.
        outputs: of the last layer: 1, or the entries that a label is embedded in.
        channels: of the pictures.

    Attributes:
        shape: the arguments that it was made with, as JSON values.
    """

    def __init__(
        self, classes: int, stages: Sequence[Stage | dict[str, Any]], outputs: int, channels: int
    ) -> None:
        super().__init__()
        made = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        self.shape: dict[str, Any] = {"classes": classes, "stages": [asdict(stage) for stage in made]}
        self.shape |= {"outputs": outputs, "channels": channels}
        widths = [stage.width for stage in made]
        self.channels = channels
        self.first = nn.Parameter(torch.empty(widths[0], channels, 1, 1))
        self.blocks = nn.ModuleList(
            nn.ModuleList(Block(stage) for _ in range(stage.blocks)) for stage in made
        )
        self.downs = nn.ModuleList(Down(before, after) for before, after in pairwise(widths))
        self.basis = nn.Parameter(torch.empty(widths[-1], 1, 4, 4))
        self.last = nn.Parameter(torch.empty(outputs, widths[-1]))
        self.embedding = nn.Parameter(torch.empty(outputs, classes)) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logits; higher is more real.

        Args:
            images: (n, 3, h, w) in [-1, 1], or of as many channels as the generator draws.
            labels: (n, classes); needed where there are classes.

        Returns:
            (n, 1).
        """
        x = functional.conv2d(as_channels(images, self.channels), self.first)
        for i, blocks in enumerate(self.blocks):
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                x = block(x)
            x = self.downs[i](x) if i < len(self.downs) else x
        x = functional.conv2d(x, self.basis, groups=x.shape[1]).flatten(1)
        x = functional.linear(x, self.last)
        if self.embedding is None:
            return x
        assert labels is not None, "a conditional discriminator is asked with labels"
        return (x * functional.linear(labels.to(x), self.embedding)).sum(1, keepdim=True)
