"""Changing the rate of feature maps by the filters that a StyleGAN 3 file brings; all of them are symmetric."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def up_sample(x: Tensor, taps: Tensor, factor: int, side: int) -> Tensor:
    """Put zeros between the samples and filter, then keep the middle.

    Args:
        x: (n, c, s, s).
        taps: (t,) of a separable filter with sum 1.
        factor: how many samples come of one, along each axis.
        side: of the result.

    Returns:
        (n, c, side, side).

    Source:
        Karras et al., NeurIPS 2021, section 3.2.
    """
    channels, kernel = x.shape[1], taps.to(x.dtype) * factor
    start = first_kept(x.shape[-1], len(taps), factor, side)
    weight = kernel.view(1, 1, -1, 1).expand(channels, -1, -1, -1)
    x = F.conv_transpose2d(x, weight, stride=(factor, 1), groups=channels)[:, :, start : start + side]
    x = F.conv_transpose2d(x, weight.transpose(2, 3), stride=(1, factor), groups=channels)
    return x[..., start : start + side]


def first_kept(size: int, taps: int, factor: int, side: int) -> int:
    """Where the samples that `up_sample` keeps start among all that the filter reaches.

    Zeros go before and after the zero-stuffed samples, side - size * factor + taps - 1 of them; the half of
    them that goes before is rounded so that the middle of the samples lies in the middle of the result.
    """
    return taps - 1 - (side - size * factor + taps - 1 + factor) // 2


def down_sample(x: Tensor, taps: Tensor, factor: int, gain: float = 1.0) -> Tensor:
    """Filter and keep every `factor`-th sample, where the filter lies on the map whole.

    Args:
        x: (n, c, s, s).
        taps: (t,) of a separable filter, or (t, t).
        factor: how many samples become one, along each axis.
        gain: of the result.

    Returns:
        (n, c, side, side).
    """
    channels, taps = x.shape[1], taps.to(x.dtype)
    if taps.ndim == 2:
        weight = (taps * gain).expand(channels, 1, -1, -1)
        return F.conv2d(x, weight, stride=factor, groups=channels)
    weight = taps.view(1, 1, -1, 1).expand(channels, -1, -1, -1)
    x = F.conv2d(x, weight * gain, stride=(factor, 1), groups=channels)
    return F.conv2d(x, weight.transpose(2, 3), stride=(1, factor), groups=channels)
