"""The FastGAN generator of Projected GAN. Shape symbols: n samples, c channels, h w pixels, d entries of a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import UpsamplingKernel

EPSILON = 1e-8  # of the normalisation of z
NORM_EPSILON = 1e-5  # of the batch norms
SKIP = 4  # a gate's maps are so many doublings smaller


@dataclass(frozen=True)
class Stage:
    """The block that doubles the size of the maps.

    Args:
        inputs: channels that it takes.
        outputs: channels that it gives.
        halves: how many convolutions: 1, or 2 with noise behind each.
        gated: are its maps multiplied by what smaller ones say?
    """

    inputs: int
    outputs: int
    halves: int
    gated: bool


class Norm(nn.Module):
    """Batch norm by the statistics of the training; of a conditional network gain and bias are made of the class."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, embedded: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.empty(channels))
        self.register_buffer("variance", torch.empty(channels))
        self.embedded = embedded
        if embedded:
            self.gain, self.bias = nn.Linear(embedded, channels), nn.Linear(embedded, channels)
        else:
            self.weight = nn.Parameter(torch.empty(channels))
            self.offset = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Args: x: (n, c, h, w); label: (n, e) the embedded class. Returns: (n, c, h, w)."""
        if not self.embedded:
            return functional.batch_norm(
                x, self.mean, self.variance, self.weight, self.offset, eps=NORM_EPSILON
            )
        x = functional.batch_norm(x, self.mean, self.variance, eps=NORM_EPSILON)
        gain, bias = (part(label)[:, :, None, None] for part in (self.gain, self.bias))
        normed: Tensor = x * (1 + gain) + bias
        return normed


class Half(nn.Module):
    """Upsampling where `up`, convolution, noise where it has some, batch norm, gated linear unit."""

    def __init__(self, inputs: int, outputs: int, up: bool, noise: bool, embedded: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2 * outputs, inputs, 3, 3))
        self.strength = nn.Parameter(torch.empty(1)) if noise else None
        self.norm, self.up = Norm(2 * outputs, embedded), up
        self.kernel = UpsamplingKernel()

    def forward(self, x: Tensor, label: Tensor | None, noise: Tensor | None) -> Tensor:
        """Args: x: (n, c, h, w); noise: (n or 1, 1, h', w'), or None for none. Returns: (n, outputs, h', w')."""
        if self.up:  # nearest upsampling and the convolution in one
            x = functional.conv_transpose2d(x, self.kernel(self.weight), stride=2, padding=1)
        else:
            x = functional.conv2d(x, self.weight, padding=1)
        if self.strength is not None and noise is not None:
            x = x + self.strength * noise.to(x.dtype)
        return functional.glu(self.norm(x, label), 1)


class Gate(nn.Module):
    """A factor for each channel, from smaller maps ("skip-layer excitation")."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.empty(outputs, inputs, 4, 4))
        self.second = nn.Parameter(torch.empty(outputs, outputs, 1, 1))

    def forward(self, small: Tensor) -> Tensor:
        """Args: small: (n, inputs, h, w). Returns: (n, outputs, 1, 1) in (0, 1)."""
        x = functional.silu(functional.conv2d(functional.adaptive_avg_pool2d(small, 4), self.first))
        return functional.conv2d(x, self.second).sigmoid()


class Block(nn.Module):
    """One or two halves, and a gate."""

    def __init__(self, stage: Stage, small: int, embedded: int) -> None:
        super().__init__()
        noisy = stage.halves > 1
        self.halves = nn.ModuleList(
            Half(
                stage.outputs if k else stage.inputs, stage.outputs, up=k == 0, noise=noisy, embedded=embedded
            )
            for k in range(stage.halves)
        )
        self.gate = Gate(small, stage.outputs) if stage.gated else None

    def forward(
        self, x: Tensor, small: Tensor | None, label: Tensor | None, noise: Sequence[Tensor | None]
    ) -> Tensor:
        """Args: x: (n, c, h, w); small: of the gate; noise: one a half. Returns: (n, outputs, 2 h, 2 w)."""
        for half, maps in zip(self.halves, noise, strict=False):
            x = half(x, label, maps)
        return x if self.gate is None or small is None else x * self.gate(small)


class Start(nn.Module):
    """z to the first maps: a dense layer, batch norm, gated linear unit."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, 2 * outputs, 4, 4))
        self.norm = Norm(2 * outputs, 0)

    def forward(self, z: Tensor) -> Tensor:
        """Args: z: (n, d). Returns: (n, outputs, 4, 4)."""
        x = functional.conv_transpose2d(z[:, :, None, None], self.weight)
        return functional.glu(self.norm(x, None), 1)


class Network(nn.Module):
    """The generator.

    Args:
        inputs: entries of z.
        first: channels at 4 pixels.
        stages: from 8 pixels on, as `Stage` or as the dicts of their fields.
        channels: of the pictures.
        classes: 0 = unconditional.

    Attributes:
        shape: the arguments that it was made with, as JSON values.

    Source:
        Liu et al., Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis, ICLR 2021,
        figures 3 and 4; without the tanh at the end, as Projected GAN has it.
    """

    def __init__(
        self, inputs: int, first: int, stages: Sequence[Stage | dict[str, Any]], channels: int, classes: int
    ) -> None:
        super().__init__()
        self.stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        self.shape: dict[str, Any] = {"inputs": inputs, "first": first, "channels": channels}
        self.shape |= {"stages": [asdict(stage) for stage in self.stages], "classes": classes}
        self.start = Start(inputs, first)
        self.embedding = nn.Parameter(torch.empty(classes, inputs)) if classes else None
        widths = [first, *(stage.outputs for stage in self.stages)]
        embedded = inputs if classes else 0
        self.blocks = nn.ModuleList(
            Block(stage, widths[max(0, i + 1 - SKIP)], embedded) for i, stage in enumerate(self.stages)
        )
        self.picture = nn.Conv2d(widths[-1], channels, 3, padding=1)

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return 4 << len(self.stages)

    def forward(self, z: Tensor, labels: Tensor | None, noise: Sequence[Tensor | None]) -> Tensor:
        """Images.

        Args:
            z: (n, d).
            labels: (n, classes), or None.
            noise: for each stage (n or 1, 1, h, w), or None for none; a stage's halves have two of them.

        Returns:
            (n, channels, side, side) in the dtype of the weights, nominally in [-1, 1].
        """
        dtype = self.picture.weight.dtype
        z = z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        label = None
        if self.embedding is not None and labels is not None:
            label = labels.to(dtype) @ self.embedding
        maps = [self.start(z.to(dtype))]
        for i, block in enumerate(self.blocks):
            small = maps[i + 1 - SKIP] if i + 1 >= SKIP else None
            maps.append(block(maps[-1], small, label, noise[2 * i : 2 * i + 2]))
        images: Tensor = self.picture(maps[-1])
        return images
