"""Convolutions on a CPU without gradients. Large maps pass a strip of rows at a time, so that what is between
the steps of a layer stays in the cache; maps are (h, w, c) in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_stylegan.v2.resampling import smooth

STRIP = 2**20  # numbers in a strip of the result: 4 MB


def styled_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    slope: float,
    limit: float | None,
    up: bool,
    out: Tensor,
) -> None:
    """A convolution with its epilogue, for one sample.

    Args:
        x: (1, c, h, w).
        weight: (o, c, 3, 3), with styles, demodulation and the activation's gain multiplied in.
        bias: (o,), times the gain.
        noise: (h, w) of the result, times strength and gain.
        slope: of the leaky ReLU.
        limit: of the clamp.
        up: double the size.
        out: (1, o, h, w) or (1, o, 2h, 2w), filled with the result; its memory is (h, w, o).
    """
    convolve = _doubled if up else _convolved
    out = out.permute(0, 2, 3, 1)
    height, width, channels = out.shape[1:]
    rows = max(2, STRIP // (width * channels) // 2 * 2)
    for start in range(0, height, rows):
        end = min(start + rows, height)
        maps = convolve(x, weight, bias, start, end).permute(0, 2, 3, 1)
        if noise is not None:
            maps.add_(noise[start:end, :, None])
        torch.ops.aten.leaky_relu.out(maps, slope, out=out[:, start:end])
        if limit is not None:
            out[:, start:end].clamp_(-limit, limit)


def transposed_conv(x: Tensor, weight: Tensor) -> Tensor:
    """`conv_transpose2d` of stride 2 as one matrix product, which is quicker where maps are small.

    Args:
        x: (n, c, h, w).
        weight: (o, c, 3, 3), best (c, 3, 3, o) in memory.

    Returns:
        (n, o, 2h + 1, 2w + 1).
    """
    (n, inputs, h, w), outputs = x.shape, len(weight)
    rows = x.permute(0, 2, 3, 1).reshape(-1, inputs)
    parts = (rows @ weight.permute(1, 2, 3, 0).reshape(inputs, -1)).view(n, h, w, 3, 3, outputs)
    out = x.new_zeros(n, 2 * h + 1, 2 * w + 1, outputs)
    for i in range(3):
        for j in range(3):
            out[:, i : i + 2 * h : 2, j : j + 2 * w : 2] += parts[:, :, :, i, j]
    return out.permute(0, 3, 1, 2)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, start: int, end: int) -> Tensor:
    """Rows of the convolution."""
    first, last = max(start - 1, 0), min(end + 1, x.shape[2])
    edge = first == start or last == end  # zeros on both sides then, and what they spoil is left out
    maps = functional.conv2d(x[:, :, first:last], weight, bias, padding=(int(edge), 1))
    return maps[:, :, start - first : end - first] if edge else maps


def _doubled(x: Tensor, weight: Tensor, bias: Tensor, start: int, end: int) -> Tensor:
    """Rows, an even number from an even one on, of the transposed convolution and filter."""
    # The filter takes rows start - 1 to end + 1 of the transposed convolution, where input row r touches
    # rows 2r to 2r + 2. As above, zeros spoil only rows that are left out.
    first, last = max(start // 2 - 1, 0), min(end // 2 + 1, x.shape[2])
    maps = functional.conv_transpose2d(x[:, :, first:last], weight.transpose(0, 1), stride=2)
    return smooth(maps, padding=1, gain=4, bias=bias)[:, :, start - 2 * first : end - 2 * first]
