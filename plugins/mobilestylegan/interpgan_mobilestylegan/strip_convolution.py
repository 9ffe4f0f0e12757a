"""The layers on a CPU: one sample, a strip of rows at a time, so that what passes between the steps of a layer
stays in the cache. Maps are (h, w, c) in memory: there the 1x1 convolution is one plain matrix product, written
straight into the result. Their gradients are in `strip_gradient`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

STRIP = 2**19  # numbers in a strip of the result: 2 MB


def styled_conv(
    x: Tensor,
    style: Tensor,
    depthwise: Tensor,
    weight: Tensor,
    noise: Tensor,
    bias: Tensor,
    slope: float,
    up: bool,
    out: Tensor,
) -> None:
    """`network.StyledConv` for one sample.

    Args:
        x: (c, h, w), or (4c, h/2, w/2).
        style: (c,), or (5c,).
        depthwise: (c, 1, 3, 3).
        weight: (o, c, 1, 1).
        noise: (1, h, w).
        bias: (o, 1, 1).
        slope: of the leaky ReLU.
        up: the input is styled and taken through an inverse Haar transform first.
        out: (o, h, w), filled with the result; its memory is (h, w, o).
    """
    x, out, noise = rows_first(x), out.permute(1, 2, 0), noise[0, :, :, None]
    pointwise, bias = weight[:, :, 0, 0].t(), bias[:, 0, 0]
    channels = len(depthwise)
    bands = band_styles(style, channels) if up else None
    if not up:
        depthwise = depthwise * style.view(-1, 1, 1, 1)
    for start, end in strips(out):
        strip = rows_around(x, start, end, len(out), bands)
        maps = functional.conv2d(strip[None].permute(0, 3, 1, 2), depthwise, padding=(0, 1), groups=channels)
        result = out[start:end]
        torch.mm(rows_first(maps[0]).view(-1, channels), pointwise, out=result.view(-1, result.shape[2]))
        functional.leaky_relu_(result.add_(noise[start:end]).add_(bias), slope)


def picture(x: Tensor, style: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """`network.Picture` for one sample.

    Args:
        x: (c, h, w).
        style: (c,).
        weight: (12 or 3, c).
        bias: (12 or 3,).
        out: (3, 2h, 2w) or (3, h, w), filled with the result.
    """
    x, weight, bias = rows_first(x), weight * style, bias[:, None]
    grow = out.shape[1] // x.shape[0]
    if grow == 2:
        weight, bias = weight / 2, bias / 2
    for start, end in strips(x):
        strip = torch.addmm(bias, weight, x[start:end].reshape(-1, x.shape[2]).t())
        strip = strip.view(grow, grow, 3, end - start, -1)
        pixels = out[:, start * grow : end * grow].view(3, end - start, grow, -1, grow).permute(2, 4, 0, 1, 3)
        if grow == 2:
            butterfly(strip, pixels)
        else:
            pixels.copy_(strip)


def strips(maps: Tensor, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Where each strip of rows of (h, w, c) maps starts and ends; all starts are multiples of a number."""
    height = len(maps)
    rows = max(2, STRIP // maps[0].numel() // multiple * multiple)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def rows_around(x: Tensor, start: int, end: int, height: int, bands: Tensor | None = None) -> Tensor:
    """The rows from start to end of the maps that a 3x3 kernel takes, and one more at either side: zero at a border.

    Args:
        x: (h, w, c), or (h/2, w/2, 4c) before an inverse Haar transform.
        start: the first row.
        end: the row after the last.
        height: h.
        bands: see `band_styles`; None where there is no transform.

    Returns:
        (end - start + 2, w, c).
    """
    first, last = max(start - 1, 0), min(end + 1, height)
    if bands is None:
        strip = x[first:last]
    else:
        strip = _enlarge(x[first // 2 : (last + 1) // 2], bands)[first % 2 :][: last - first]
    if last - first == end - start + 2:
        return strip
    return functional.pad(strip, (0, 0, 0, 0, first - start + 1, end + 1 - last))


def band_styles(style: Tensor, channels: int) -> Tensor:
    """(2, 2, c): both styles (5c,) of a layer that doubles the size, and the transform's 1/2.

    All of them act on each channel alone: one multiplication does for three.
    """
    return style[: 4 * channels].view(2, 2, channels) * (style[4 * channels :] / 2)


def rows_first(maps: Tensor) -> Tensor:
    """(c, h, w) -> (h, w, c), contiguous; a view where the maps lie channels-last."""
    return maps.permute(1, 2, 0).contiguous()


def _enlarge(x: Tensor, bands: Tensor) -> Tensor:
    """Inverse Haar transform of rows: (h, w, 4c) times (2, 2, c) -> (2h, 2w, c)."""
    height, width, channels = x.shape[0], x.shape[1], bands.shape[2]
    styled = x.view(height, width, 2, 2, channels) * bands
    out = x.new_empty(height, 2, width, 2, channels)
    butterfly(styled.permute(2, 3, 0, 1, 4), out.permute(1, 3, 0, 2, 4))
    return out.view(2 * height, 2 * width, channels)


def butterfly(bands: Tensor, pixels: Tensor) -> None:
    """Sums and differences of the bands (2, 2, ...), into the four pixels (2, 2, ...) of each place."""
    for row, half in enumerate((bands[:, 0] + bands[:, 1], bands[:, 0] - bands[:, 1])):
        torch.add(half[0], half[1], out=pixels[row, 0])
        torch.sub(half[0], half[1], out=pixels[row, 1])
