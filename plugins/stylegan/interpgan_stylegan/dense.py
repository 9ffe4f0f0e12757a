"""Dense layers of StyleGAN 2 and 3, with NVIDIA's names: their weights are stored at a scale of 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every leaky ReLU
GAIN = 2**0.5  # of every leaky ReLU
EPSILON = 1e-8  # of every norm
LINE = 16  # numbers in a line of the cache
LEARNING_RATE = 0.01  # of the mapping: its stored weights are a hundred times as large as they act


class Mapping(nn.Module):
    """z, a class, or both, to w.

    Args:
        inputs: entries of z; 0 = only the class counts.
        widths: outputs of each dense layer.
        classes: 0 = only z counts.
        embedding: entries that a class becomes.
        joint: are z and the class normalised together, without a bias (genforce), or each alone (NVIDIA)?
    """

    embed: nn.Linear | Affine
    w_avg: Tensor  # of StyleGAN 3, which keeps the mean of w here

    def __init__(self, inputs: int, widths: Sequence[int], classes: int, embedding: int, joint: bool) -> None:
        super().__init__()
        self.joint, self.depth = joint, len(widths)
        if classes:
            self.embed = nn.Linear(classes, embedding, bias=False) if joint else Affine(classes, embedding)
        sizes = [inputs + (embedding if classes else 0), *widths]
        for i, width in enumerate(widths):
            self.add_module(f"fc{i}", Dense(sizes[i], width, LEARNING_RATE))

    def forward(self, z: Tensor | None, labels: Tensor | None) -> Tensor:
        """Args: z: (n, d); labels: (n, classes) class weights; Returns: (n, w)."""
        parts = [] if z is None else [z]
        if labels is not None:
            parts.append(self.embed(labels.to(self.embed.weight)))
        x = _unit(torch.cat(parts, 1)) if self.joint else torch.cat([_unit(part) for part in parts], 1)
        for i in range(self.depth):
            x = self.get_submodule(f"fc{i}")(x)
        return x


class Affine(nn.Module):
    """`weight @ x / sqrt(inputs) + bias + shift`."""

    def __init__(self, inputs: int, outputs: int, shift: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.shift = inputs**-0.5, shift

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, d); Returns: (n, o)."""
        y = linear(x * self.scale, self.weight, self.bias)
        return y + self.shift if self.shift else y


class Dense(nn.Module):
    """A dense layer with a learning rate multiplier, and its activation."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.rate = rate * inputs**-0.5, rate

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, d); Returns: (n, o)."""
        y = linear(x * self.scale, self.weight, self.bias * self.rate)
        return functional.leaky_relu(y, SLOPE) * GAIN


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`functional.linear`, each row rounded alike wherever it stands.

    MKL rounds by where a row begins in a line of the cache, so rows of another length are filled up with zeros.

    Args:
        x: (n, d).
        weight: (o, d).
        bias: (o,).

    Returns:
        (n, o).
    """
    short = -x.shape[1] % LINE
    if short:
        x, weight = functional.pad(x, (0, short)), functional.pad(weight, (0, short))
    return functional.linear(x, weight, bias)


def _unit(x: Tensor) -> Tensor:
    """Each row to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()
