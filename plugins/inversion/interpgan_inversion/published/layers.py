"""Layers that the published encoders share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # of batch norm


class Norm(nn.Module):
    """Batch norm of a network that is trained: a scale and a shift for each channel.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.empty(width)) for _ in range(2))
        self.register_buffer("running_mean", torch.empty(width))
        self.register_buffer("running_var", torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c) or (n, c, h, w). Returns: of the same shape."""
        mean, var = self.get_buffer("running_mean"), self.get_buffer("running_var")
        return functional.batch_norm(x, mean, var, self.weight, self.bias, eps=EPSILON)


class EqualLinear(nn.Module):
    """A linear map whose weights are kept multiplied by the root of their inputs, as in rosinality's StyleGAN 2.

    Args:
        inputs, outputs: numbers.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, inputs). Returns: (n, outputs)."""
        scale = self.weight.shape[1] ** -0.5
        return functional.linear(x, self.weight * scale, self.bias)
