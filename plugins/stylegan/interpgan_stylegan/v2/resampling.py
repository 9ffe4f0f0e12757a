"""Doubling and halving the resolution with the taps [1, 3, 3, 1] along each axis."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TAPS = (1.0, 3.0, 3.0, 1.0)


def kernel() -> Tensor:
    """The two-dimensional filter: (4, 4) float32, of sum 1."""
    taps = torch.tensor(TAPS)
    return torch.outer(taps, taps) / 64


def smooth(
    x: Tensor,
    padding: int,
    gain: float = 1.0,
    bias: Tensor | None = None,
) -> Tensor:
    """Filter each channel.

    Args:
        x: (n, c, h, w).
        padding: zeros on every side.
        gain: factor on the result.
        bias: (c,), added to the result.

    Returns:
        (n, c, h + 2 padding - 3, w + 2 padding - 3).
    """
    channels = x.shape[1]
    taps = (kernel() * gain).to(x).expand(channels, 1, 4, 4)
    return functional.conv2d(x, taps, bias, padding=padding, groups=channels)


def enlarge(x: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter with gain 4.

    Those taps are bilinear interpolation, in a picture that is zero beyond its edge.

    Args:
        x: (n, c, h, w).

    Returns:
        (n, c, 2h, 2w).
    """
    padded = functional.pad(x, (1, 1, 1, 1))
    return functional.interpolate(padded, scale_factor=2.0, mode="bilinear")[..., 2:-2, 2:-2]


def shrink(x: Tensor) -> Tensor:
    """Half the size: the filter, then every second pixel. Args: x: (n, c, 2h, 2w); Returns: (n, c, h, w).

    Not one strided convolution: on a CPU its gradient takes ten times as long as that of both.
    """
    return smooth(x, padding=1)[:, :, ::2, ::2]
