"""For tests: small checkpoints of DCGANs, in every layout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from interpgan_core import seeded_normal

Z, WIDTHS = 12, (16, 8, 6)  # channels at 4, 8, 16 pixels; pictures of 32


def generator(
    channels: int = 3,
    inputs: int = Z,
    widths: Sequence[int] = WIDTHS,
    kernels: Sequence[int] | None = None,
    bias: bool = False,
    dropout: bool = False,
) -> dict[str, Tensor]:
    """The state dict of a generator as PyTorch's tutorial saves it.

    Args:
        channels: of the pictures.
        inputs: entries of z, and of a label.
        widths: channels of each layer.
        kernels: side of each kernel; 4 when left out.
        bias: have the convolutions biases?
        dropout: is a dropout behind the first ReLU, which moves the numbers of all that follow?
    """
    state: dict[str, Tensor] = {}
    sides = kernels or [4] * (len(widths) + 1)
    for i, (before, after) in enumerate(pairwise((inputs, *widths, channels))):
        place = 3 * i + (1 if dropout and i else 0)
        scale = (2.0 if i else 1.0) / (before * (sides[i] if i else 1)) ** 0.5
        state[f"main.{place}.weight"] = normal(4 * i, (before, after, sides[i], sides[i])) * scale
        if bias:
            state[f"main.{place}.bias"] = normal(4 * i + 1, (after,)) * 0.1
        if i < len(widths):
            state |= {f"main.{place + 1}.{name}": t for name, t in norm(i, after).items()}
    return state


def discriminator(channels: int = 3, widths: Sequence[int] = (6, 8, 16)) -> dict[str, Tensor]:
    """The state dict of a discriminator as PyTorch's tutorial saves it."""
    state: dict[str, Tensor] = {}
    places = [0, *(2 + 3 * i for i in range(len(widths)))]
    for i, (before, after) in enumerate(pairwise((channels, *widths, 1))):
        state[f"main.{places[i]}.weight"] = normal(50 + i, (after, before, 4, 4)) / (4 * before**0.5)
        if 0 < i < len(widths):
            state |= {f"main.{places[i] + 1}.{name}": t for name, t in norm(50 + i, after).items()}
    return state


def norm(number: int, channels: int) -> dict[str, Tensor]:
    """A batch norm after a training."""
    return {
        "weight": normal(100 + number, (channels,)) * 0.1 + 1,
        "bias": normal(200 + number, (channels,)) * 0.1,
        "running_mean": normal(300 + number, (channels,)) * 0.1,
        "running_var": normal(400 + number, (channels,)).abs() * 0.5 + 0.5,
        "num_batches_tracked": torch.tensor(7),
    }


def attributes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same network whose layers are attributes: convTr1, batchNorm1, convTr2 …"""
    renamed = {}
    for name, tensor in state.items():
        _, number, part = name.split(".")
        layer, kind = divmod(int(number), 3)
        renamed[f"{'batchNorm' if kind else 'convTr'}{layer + 1}.{part}"] = tensor
    return renamed


def blocks(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same network as a Sequential of Sequentials, but for its last layer: net.0.0, net.0.1, net.1.0 … net.3"""
    last = max(int(name.split(".")[1]) for name in state) // 3
    renamed = {}
    for name, tensor in state.items():
        _, number, part = name.split(".")
        layer, kind = divmod(int(number), 3)
        renamed[f"net.{layer}.{part}" if layer == last else f"net.{layer}.{kind}.{part}"] = tensor
    return renamed


def normal(number: int, shape: Sequence[int]) -> Tensor:
    """Random numbers of their own."""
    return seeded_normal([number], shape)[0]
