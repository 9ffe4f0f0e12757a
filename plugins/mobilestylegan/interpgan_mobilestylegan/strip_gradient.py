"""Gradients of the layers on a CPU, in strips as `strip_convolution` makes the maps.

Between the steps of a layer nothing is kept: backwards a strip is made again where it is needed. This takes a third of
the time and of the memory of the layer's formula under autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from interpgan_mobilestylegan.strip_convolution import (
    band_styles,
    butterfly,
    rows_around,
    rows_first,
    strips,
    styled_conv,
)


class StyledConvolution(torch.autograd.Function):
    """`network.StyledConv` of n samples, one after the other.

    Its inputs are those of `strip_convolution.styled_conv` with a first axis of samples at x, style and noise, and
    gradients go to all of them. `formula` makes the same of them by operations that autograd knows: gradients of
    gradients are taken through it.
    """

    @staticmethod
    def forward(ctx: Any, formula: Any, slope: float, up: bool, *inputs: Tensor) -> Tensor:
        """Args: inputs: x, style, depthwise, weight, noise, bias. Returns: (n, o, h, w), channels-last."""
        x, style, depthwise, weight, noise, bias = inputs
        shape = (len(x), len(weight), *noise.shape[2:])
        out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        for i in range(len(x)):
            styled_conv(x[i], style[i], depthwise, weight, noise[i], bias, slope, up, out[i])
        ctx.save_for_backward(*inputs, out)
        ctx.formula, ctx.slope, ctx.up = formula, slope, up
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Args: gradients: that of the result. Returns: those of all inputs, None where it is not asked for."""
        *inputs, out = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():  # a gradient of this gradient will be asked for
            asked = [each for each, want in zip(inputs, wanted, strict=True) if want]
            again = iter(torch.autograd.grad(ctx.formula(*inputs), asked, gradients, create_graph=True))
            return None, None, None, *(next(again) if want else None for want in wanted)
        x, style, depthwise, weight = inputs[:4]
        to_x, to_style = torch.empty_like(x, memory_format=torch.channels_last), torch.empty_like(style)
        to_weights = [torch.zeros_like(each, memory_format=torch.contiguous_format) for each in inputs[2:]]
        for i in range(len(x)):
            own = [*to_weights[:2], to_weights[2][i], to_weights[3]] if any(wanted[2:]) else None
            maps = _Maps(*(rows_first(each[i]) for each in (x, out, gradients[0])))
            _backwards(maps, style[i], depthwise, weight, ctx.slope, ctx.up, to_x[i], to_style[i], own)
        found = to_x, to_style, *to_weights
        return None, None, None, *(each if want else None for each, want in zip(found, wanted, strict=True))


styled_convolution: Callable[..., Tensor] = StyledConvolution.apply
"""Formula, slope, up and the inputs: see `StyledConvolution.forward`."""


class _Maps:
    """Of one sample, (h, w, c) each: what a layer takes and makes, and the gradient of what it makes."""

    def __init__(self, x: Tensor, out: Tensor, gradient: Tensor) -> None:
        self.x, self.out, self.gradient = x, out, gradient


def _backwards(
    maps: _Maps,
    style: Tensor,
    depthwise: Tensor,
    weight: Tensor,
    slope: float,
    up: bool,
    to_x: Tensor,
    to_style: Tensor,
    to_weights: Sequence[Tensor] | None,
) -> None:
    """Fill the gradients of x and style of one sample, and add to those of depthwise, weight, noise and bias."""
    x, pointwise, channels = maps.x, weight[:, :, 0, 0], len(depthwise)
    (height, width), made = maps.out.shape[:2], len(weight)
    to_x = to_x.permute(1, 2, 0)
    bands = band_styles(style, channels) if up else None
    products = torch.zeros_like(style if bands is None else bands)
    for start, end in strips(maps.out, multiple=2):
        first, last = max(start - 1, 0), min(end + 1, height)
        summed = torch.ops.aten.leaky_relu_backward(
            maps.gradient[first:last], maps.out[first:last], slope, True
        )
        taken = torch.mm(summed.view(-1, made), pointwise).view(last - first, width, channels)
        if to_weights is not None:
            inside = slice(start - first, end - first)
            strip = rows_around(x, start, end, height, bands)
            _add(to_weights, strip, summed[inside], taken[inside], depthwise, None if up else style, start)
        if last - first < end - start + 2:
            taken = functional.pad(taken, (0, 0, 0, 0, first - start + 1, end + 1 - last))
        convolved = functional.conv2d(
            taken[None].permute(0, 3, 1, 2), depthwise.flip(2, 3), padding=(0, 1), groups=channels
        )
        pixels = rows_first(convolved[0])
        if bands is None:
            torch.mul(pixels, style, out=to_x[start:end])
            products += pixels.mul_(x[start:end]).sum((0, 1))
        else:  # the transform is its own inverse, but for a factor that is in the styles
            coarse = (end - start) // 2, width // 2, 2, 2, channels
            parts = pixels.view(coarse[0], 2, coarse[1], 2, channels).permute(1, 3, 0, 2, 4)
            split = pixels.new_empty(coarse)
            butterfly(parts, split.permute(2, 3, 0, 1, 4))
            rows = slice(start // 2, end // 2)
            torch.mul(split, bands, out=to_x[rows].view(coarse))
            products += split.mul_(x[rows].view(coarse)).sum((0, 1))
    if bands is None:
        to_style.copy_(products)
    else:
        before, after = style[: 4 * channels], style[4 * channels :] / 2
        to_style[: 4 * channels] = (products * after).flatten()
        to_style[4 * channels :] = (products / 2 * before.view_as(products)).sum((0, 1))


def _add(
    to_weights: Sequence[Tensor],
    strip: Tensor,
    summed: Tensor,
    taken: Tensor,
    depthwise: Tensor,
    style: Tensor | None,
    start: int,
) -> None:
    """Add what one strip says of depthwise, weight, noise and bias.

    Args:
        to_weights: their gradients.
        strip: (rows + 2, w, c) what the depthwise convolution takes, but for a style.
        summed: (rows, w, o) gradient of what the activation takes.
        taken: (rows, w, c) gradient of what the 1x1 convolution takes.
        depthwise: see `strip_convolution.styled_conv`.
        style: (c,), or None where the strip has it.
        start: number of the first row.
    """
    to_depthwise, to_weight, to_noise, to_bias = to_weights
    strip = (strip if style is None else strip * style)[None].permute(0, 3, 1, 2)
    channels, made = strip.shape[1], summed.shape[2]
    again = functional.conv2d(strip, depthwise, padding=(0, 1), groups=channels)
    flat = summed.reshape(-1, made)
    to_weight += (flat.t() @ rows_first(again[0]).view(-1, channels)).view_as(to_weight)
    to_bias += flat.sum(0).view_as(to_bias)
    to_noise[0, start : start + len(summed)] += summed.sum(2)
    to_depthwise += conv2d_weight(
        strip, list(depthwise.shape), taken[None].permute(0, 3, 1, 2), padding=(0, 1), groups=channels
    )
