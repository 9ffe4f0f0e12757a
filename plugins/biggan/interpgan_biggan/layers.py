"""Layers of both networks. Shape symbols: n samples, c channels in, o channels out, d condition, h w pixels.

Maps are channels-last in memory: there a 1x1 convolution is one matrix product, and the 3x3 ones are
fastest on a CPU and on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Vectors = Literal["", "u", "uv"]
"""Which vectors of its power iteration a file keeps beside a weight: none, the left one, both."""

# 3x3 kernel -> the 2x2 kernels with the same receptive field before nearest upsampling: of even and odd rows.
_EVEN_ODD = torch.tensor([[[1.0, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])


class Spectral(nn.Module):
    """A weight that is divided by its spectral norm where it is used.

    The weight stays as the file has it; `factor`, 1 / norm, is multiplied in where it costs least.

    Args:
        shape: of the weight; outputs first.
        bias: is there one?
        vectors: of the power iteration, in the file; "" = the weight is used as it is.

    Source:
        Miyato et al., Spectral Normalization, ICLR 2018, in the two forms of the original repositories.
    """

    u: Tensor
    v: Tensor

    def __init__(self, *shape: int, bias: bool = True, vectors: Vectors) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(shape[0])) if bias else None
        if vectors:
            self.register_buffer("u", torch.empty(shape[0]))
        if vectors == "uv":
            self.register_buffer("v", torch.empty(self.weight[0].numel()))
        self.factor = 1.0

    def find_factor(self, eps: float) -> float:
        """Compute 1 / norm from the file's vectors, in float64, and delete the vectors.

        Args:
            eps: lower bound of the lengths that vectors are divided by.

        Returns:
            The factor; 1 without vectors.
        """
        if not hasattr(self, "u"):
            return 1.0
        # The spectral norm is uᵀ W v (Miyato et al., algorithm 1). With the left vector alone, the original takes
        # one iteration from it in every forward pass, and keeps the result in training only.
        weight, u = self.weight.flatten(1).double(), self.u.double()
        if hasattr(self, "v"):
            norm = u @ (weight @ self.v.double())
            del self.v
        else:
            v = u @ weight
            image = weight @ (v / v.norm().clamp_min(eps))
            norm = image.square().sum() / image.norm().clamp_min(eps)
        del self.u
        return float(1 / norm)

    def dense(self, x: Tensor) -> Tensor:
        """A 1x1 convolution, or a dense layer: (…, c) -> (…, o), with the factor."""
        rows, weight = x.reshape(-1, x.shape[-1]), self.weight.flatten(1).t()
        if self.bias is None:
            return (rows @ weight).mul_(self.factor).view(*x.shape[:-1], -1)
        return torch.addmm(self.bias, rows, weight, alpha=self.factor).view(*x.shape[:-1], -1)


class Conv(Spectral):
    """A 1x1 or 3x3 convolution of maps that its `factor` is already multiplied into, see `NormReLUConv`."""

    _kept: tuple[object, Tensor] | None = None  # version of the weight, kernels

    def forward(self, x: Tensor, up: bool = False, outputs: int | None = None) -> Tensor:
        """Convolve.

        Args:
            x: (n, c, h, w).
            up: does nearest upsampling by 2 come first? Of a 3x3 convolution only.
            outputs: how many channels are computed, of a 3x3 convolution; None = all.

        Returns:
            (n, o, h, w), or (n, o, 2h, 2w).
        """
        if self.weight.shape[2] == 1:
            return functional.linear(_rows(x), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
        # While it is trained, the weight is computed anew at every access: kernels of it cannot be kept.
        if up and isinstance(self.weight, nn.Parameter) and not self.weight.requires_grad:
            return self._at_twice_the_size(x)
        x = upsample(x) if up else x
        bias = None if self.bias is None else self.bias[:outputs]
        return functional.conv2d(x, self.weight[:outputs], bias, padding=1)

    def _at_twice_the_size(self, x: Tensor) -> Tensor:
        """Upsampling repeats pixels: each of the four places of a 2x2 square needs only a 2x2 kernel on the small
        map, with 16 products in all where the 3x3 one on the large map has 36.
        """
        n, _, h, w = x.shape
        bias = None if self.bias is None else self.bias.repeat(4)
        maps = functional.conv2d(x, self._four_kernels(), bias, padding=1)
        maps = _rows(maps).view(n, h + 1, w + 1, 2, 2, -1)
        out = maps.new_empty(n, h, 2, w, 2, maps.shape[-1])
        for r, s in ((0, 0), (0, 1), (1, 0), (1, 1)):
            out[:, :, r, :, s] = maps[:, r : h + r, s : w + s, r, s]
        return out.view(n, 2 * h, 2 * w, -1).permute(0, 3, 1, 2)

    def _four_kernels(self) -> Tensor:
        """(4o, c, 2, 2), computed at first use and kept until the weight changes."""
        version = (self.weight.dtype, self.weight.device, self.weight._version)
        if self._kept is None or self._kept[0] != version:
            with torch.inference_mode(False), torch.no_grad():
                split = _EVEN_ODD.to(self.weight)
                kernels = torch.einsum("ockl,rak,sbl->rsocab", self.weight, split, split).flatten(0, 2)
                self._kept = version, kernels.contiguous(memory_format=torch.channels_last)
        return self._kept[1]


class Norm(nn.Module):
    """Batch norm with stored statistics, as the scale and shift of each channel.

    Args:
        channels: of the maps.
        condition: size of the condition that gain and bias are computed from; None: they are parameters.
        shares: weights of the rows of statistics that are blended.
        vectors: of the weights that gain and bias are computed with.
        eps: added to the variances.
    """

    means: Tensor
    variances: Tensor
    gain: nn.Parameter | Spectral
    bias: nn.Parameter | Spectral

    def __init__(
        self, channels: int, condition: int | None, shares: Sequence[float], vectors: Vectors, eps: float
    ) -> None:
        super().__init__()
        self.shares, self.eps = shares, eps
        self.register_buffer("means", torch.empty(len(shares), channels))
        self.register_buffer("variances", torch.empty(len(shares), channels))
        for name in ("gain", "bias"):
            if condition is None:
                setattr(self, name, nn.Parameter(torch.empty(channels)))
            else:
                setattr(self, name, Spectral(channels, condition, bias=False, vectors=vectors))

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Args: condition: (n, d). Returns: scale and shift, (n, c) each, or (1, c)."""
        gain = 1 + self.gain.dense(condition) if isinstance(self.gain, Spectral) else self.gain[None]
        bias = self.bias.dense(condition) if isinstance(self.bias, Spectral) else self.bias[None]
        mean, variance = self._blend(self.means), self._blend(self.variances)
        # gain (x - mean) / sqrt(variance + eps) + bias, as scale x + shift.
        scale = gain * (variance + self.eps).rsqrt()
        return scale, bias - mean * scale

    def _blend(self, rows: Tensor) -> Tensor:
        if len(rows) == 1:
            return rows[0]
        blended: Tensor = sum(share * row for share, row in zip(self.shares, rows, strict=True))
        return blended


class NormReLUConv(nn.Module):
    """Batch norm, ReLU and convolution, of which blocks consist.

    The convolution's spectral factor f is multiplied into scale and shift, which are a number a channel, and not
    into maps or weights: ReLU(f x) = f ReLU(x) for f > 0. Blocks hold these layers as `steps`, a name that is in saved
    files and in fingerprints.
    """

    def __init__(self, norm: Norm, conv: Conv) -> None:
        super().__init__()
        self.norm, self.conv = norm, conv

    def forward(self, x: Tensor, condition: Tensor, up: bool = False, outputs: int | None = None) -> Tensor:
        """Args: x: (n, c, h, w); condition: (n, d); up, outputs: see `Conv`. Returns: (n, o, …)."""
        scale, shift = ((t * self.conv.factor).to(x.dtype)[:, None, None] for t in self.norm(condition))
        active = torch.addcmul(shift, _rows(x), scale).relu_()
        maps: Tensor = self.conv(active.permute(0, 3, 1, 2), up, outputs)
        return maps


class Attention(nn.Module):
    """Self-attention over the pixels, keys and values at half the size.

    Args:
        channels: of the maps.
        vectors: of its weights.

    Source:
        Zhang et al., SAGAN, ICML 2019, without a scale in the softmax; shapes as in BigGAN.
    """

    theta: Conv
    phi: Conv
    g: Conv
    o: Conv

    def __init__(self, channels: int, vectors: Vectors) -> None:
        super().__init__()
        narrow, half = channels // 8, channels // 2
        shapes = {"theta": (narrow, channels), "phi": (narrow, channels), "g": (half, channels)}
        for name, (outputs, inputs) in {**shapes, "o": (channels, half)}.items():
            setattr(self, name, Conv(outputs, inputs, 1, 1, bias=False, vectors=vectors))
        self.gamma = nn.Parameter(torch.empty(()))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w). Returns: the same shape."""
        queries = self.theta.dense(_rows(x)).flatten(1, 2)
        keys, values = (
            functional.max_pool2d(conv.dense(_rows(x)).permute(0, 3, 1, 2), 2).flatten(2).transpose(1, 2)
            for conv in (self.phi, self.g)
        )
        attended = torch.softmax(queries @ keys.transpose(1, 2), 2) @ values
        attended = self.o.dense(attended).view(_rows(x).shape).permute(0, 3, 1, 2)
        return torch.addcmul(x, attended, self.gamma)  # y = γ o + x of the paper


def upsample(x: Tensor) -> Tensor:
    """Nearest upsampling by 2: (n, c, h, w) -> (n, c, 2h, 2w)."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def add_upsampled(maps: Tensor, x: Tensor) -> Tensor:
    """`maps + upsample(x)`, in the memory of the maps where they are channels-last.

    Args:
        maps: (n, c, 2h, 2w).
        x: (n, c, h, w).
    """
    n, c, h, w = x.shape
    squares = _rows(maps).contiguous().view(n, h, 2, w, 2, c)
    squares += _rows(x)[:, :, None, :, None]
    return squares.view(n, 2 * h, 2 * w, c).permute(0, 3, 1, 2)


def _rows(x: Tensor) -> Tensor:
    """(n, c, h, w) -> (n, h, w, c); a view, contiguous where the maps are channels-last."""
    return x.permute(0, 2, 3, 1)
