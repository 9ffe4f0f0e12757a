"""Inception v3 up to its pooled features, from a table of its blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# One line a branch: names of convolutions with outputs and kernel, in order; `|` stands between two that take
# the same input and are joined. In a block that halves the size, the last convolution of a branch does it.
BLOCK_A = (
    "branch1x1 64 1x1",
    "branch5x5_1 48 1x1 > branch5x5_2 64 5x5",
    "branch3x3dbl_1 64 1x1 > branch3x3dbl_2 96 3x3 > branch3x3dbl_3 96 3x3",
)
HALVE_A = (
    "branch3x3 384 3x3",
    "branch3x3dbl_1 64 1x1 > branch3x3dbl_2 96 3x3 > branch3x3dbl_3 96 3x3",
)
BLOCK_B = (
    "branch1x1 192 1x1",
    "branch7x7_1 {c} 1x1 > branch7x7_2 {c} 1x7 > branch7x7_3 192 7x1",
    "branch7x7dbl_1 {c} 1x1 > branch7x7dbl_2 {c} 7x1 > branch7x7dbl_3 {c} 1x7 > branch7x7dbl_4 {c} 7x1 "
    "> branch7x7dbl_5 192 1x7",
)
HALVE_B = (
    "branch3x3_1 192 1x1 > branch3x3_2 320 3x3",
    "branch7x7x3_1 192 1x1 > branch7x7x3_2 192 1x7 > branch7x7x3_3 192 7x1 > branch7x7x3_4 192 3x3",
)
BLOCK_C = (
    "branch1x1 320 1x1",
    "branch3x3_1 384 1x1 > branch3x3_2a 384 1x3 | branch3x3_2b 384 3x1",
    "branch3x3dbl_1 448 1x1 > branch3x3dbl_2 384 3x3 > branch3x3dbl_3a 384 1x3 | branch3x3dbl_3b 384 3x1",
)


class Convolution(nn.Sequential):
    """A convolution without bias, normalised, cut below zero; padded to keep the size unless it halves it."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int = 1, padded: bool = True
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.relu = nn.ReLU()


class Mixed(nn.Module):
    """Branches side by side, joined by channels.

    Args:
        inputs: channels.
        branches: as in the tables above.
        pool: the last branch, alone in a block that halves the size.
        pooled: channels of the convolution behind the pool; 0 in a block that halves the size.
    """

    def __init__(self, inputs: int, branches: tuple[str, ...], pool: nn.Module, pooled: int = 0) -> None:
        super().__init__()
        self.branches: list[list[list[str]]] = []
        self.outputs = pooled or inputs
        self.pool = pool
        for branch in branches:
            steps, channels = branch.split(" > "), inputs
            self.branches.append([])
            for step in steps:
                halves, names, made = not pooled and step is steps[-1], [], 0
                for name, outputs, kernel in (part.split() for part in step.split(" | ")):
                    height, width = map(int, kernel.split("x"))
                    stride = 2 if halves else 1
                    self.add_module(
                        name, Convolution(channels, int(outputs), (height, width), stride, not halves)
                    )
                    names.append(name)
                    made += int(outputs)
                self.branches[-1].append(names)
                channels = made
            self.outputs += channels
        self.branch_pool = Convolution(inputs, pooled, (1, 1)) if pooled else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        joined = []
        for branch in self.branches:
            y = x
            for names in branch:
                y = torch.cat([self.get_submodule(name)(y) for name in names], 1)
            joined.append(y)
        return torch.cat([*joined, self.branch_pool(self.pool(x))], 1)


def inception_v3() -> nn.Sequential:
    """The network, without weights: (n, 3, 299, 299) float32 in [-1, 1] -> (n, 2048) float32."""
    average = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    halve = nn.MaxPool2d(3, 2)
    network = nn.Sequential()
    network.add_module("Conv2d_1a_3x3", Convolution(3, 32, (3, 3), 2, False))
    network.add_module("Conv2d_2a_3x3", Convolution(32, 32, (3, 3), 1, False))
    network.add_module("Conv2d_2b_3x3", Convolution(32, 64, (3, 3)))
    network.add_module("pool_1", halve)
    network.add_module("Conv2d_3b_1x1", Convolution(64, 80, (1, 1)))
    network.add_module("Conv2d_4a_3x3", Convolution(80, 192, (3, 3), 1, False))
    network.add_module("pool_2", halve)
    blocks: dict[str, tuple[tuple[str, ...], nn.Module, int]] = {
        "Mixed_5b": (BLOCK_A, average, 32),
        "Mixed_5c": (BLOCK_A, average, 64),
        "Mixed_5d": (BLOCK_A, average, 64),
        "Mixed_6a": (HALVE_A, halve, 0),
        **{
            f"Mixed_6{letter}": (tuple(branch.format(c=c) for branch in BLOCK_B), average, 192)
            for letter, c in zip("bcde", (128, 160, 160, 192), strict=True)
        },
        "Mixed_7a": (HALVE_B, halve, 0),
        "Mixed_7b": (BLOCK_C, average, 192),
        # TensorFlow's graph of 2015 takes maxima here, and so the numbers that are published do.
        "Mixed_7c": (BLOCK_C, nn.MaxPool2d(3, 1, padding=1), 192),
    }
    channels = 192
    for name, (branches, pool, pooled) in blocks.items():
        block = Mixed(channels, branches, pool, pooled)
        network.add_module(name, block)
        channels = block.outputs
    network.add_module("mean", nn.AdaptiveAvgPool2d(1))
    network.add_module("flat", nn.Flatten())
    return network
