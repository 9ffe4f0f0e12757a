"""StyleGAN 3 as a network, with NVIDIA's names of modules and tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interpgan_stylegan.dense import Affine, Mapping
from interpgan_stylegan.style_network import StyleNetwork, StyleSynthesis
from interpgan_stylegan.v3.resampling import down_sample, up_sample


@dataclass(frozen=True)
class LayerPlan:
    """What the names and shapes of a layer's tensors, and its neighbours', say about it.

    Args:
        name: "L3_52_512".
        inputs, outputs: channels.
        kernel: of the convolution, 3 (StyleGAN3-T) or 1 (StyleGAN3-R).
        size_in, size: of the square feature maps, with their margins.
        up, down: factors to and from the rate at which the activation acts; 1 without a filter.
        up_taps, down_taps: of those filters; 0 without one.
        radial: is the down filter two-dimensional?
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    size_in: int
    size: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool


@dataclass(frozen=True)
class Plan:
    """The whole generator.

    Args:
        z, w: sizes of codes.
        classes: 0 = unconditional.
        mapping: widths of the dense layers' outputs.
        channels: of the input layer.
        layers: in forward order; the last makes the picture.
        margin: of the feature maps, in samples on each side.
        cutoff: of the first layer, in cycles over the picture: how much of the input's spectrum passes.
        scale: of the picture.
        clamp: bound of activations; None = none.
    """

    z: int
    w: int
    classes: int
    mapping: tuple[int, ...]
    channels: int
    layers: tuple[LayerPlan, ...]
    margin: int
    cutoff: float
    scale: float
    clamp: float | None


class Input(nn.Module):
    """Waves of fixed frequencies over the plane, turned and moved by a code.

    A code becomes (c, s, x, y): cosine and sine of a rotation, up to a common factor that is divided out of
    all four, and a translation. `transform` is a rotation and translation of the whole picture on top.
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.size = plan.layers[0].size_in
        self.rate = self.size - 2 * plan.margin
        self.cutoff = plan.cutoff
        self.affine = Affine(plan.w, 4)
        self.weight = nn.Parameter(torch.empty(plan.channels, plan.channels))
        self.register_buffer("transform", torch.empty(3, 3))
        self.register_buffer("freqs", torch.empty(plan.channels, 2))
        self.register_buffer("phases", torch.empty(plan.channels))

    def forward(self, style: Tensor) -> Tensor:
        """Args: style: (n, 4); Returns: (n, c, size, size)."""
        motion = self._motion(style) @ self.transform
        freqs = self.freqs @ motion[:, :2, :2]
        phases = self.phases + (self.freqs @ motion[:, :2, 2:])[..., 0]
        # A wave that the first layer's rate cannot carry fades out.
        strength = (1 - (freqs.norm(dim=2) - self.cutoff) / (self.rate / 2 - self.cutoff)).clamp(0, 1)
        side = (torch.arange(self.size).to(freqs) + 0.5 - self.size / 2) / self.rate
        across = 2 * torch.pi * freqs[:, :, :1] * side
        along = 2 * torch.pi * (freqs[:, :, 1:] * side + phases[..., None])
        # sin(a + b) from the waves along x and along y apart: size times fewer sines.
        rows = torch.stack([along.sin(), along.cos()], 3)
        columns = torch.stack([across.cos(), across.sin()], 2)
        mixing = self.weight * (strength[:, None] / self.weight.shape[1] ** 0.5)
        maps: Tensor = (mixing @ (rows @ columns).flatten(2)).view(*freqs.shape[:2], self.size, self.size)
        return maps

    def _motion(self, style: Tensor) -> Tensor:
        c, s, x, y = (style / style[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        one, zero = torch.ones_like(c), torch.zeros_like(c)
        turn = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], 1).view(-1, 3, 3)
        shift = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1).view(-1, 3, 3)
        return turn @ shift


class Layer(nn.Module):
    """A modulated convolution, and an activation at a rate that has room for the frequencies it makes."""

    magnitude_ema: Tensor
    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, plan: LayerPlan, w: int, clamp: float | None, last: bool) -> None:
        super().__init__()
        self.plan, self.clamp, self.last = plan, clamp, last
        self.affine = Affine(w, plan.inputs)
        self.weight = nn.Parameter(torch.empty(plan.outputs, plan.inputs, plan.kernel, plan.kernel))
        self.bias = nn.Parameter(torch.empty(plan.outputs))
        self.register_buffer("magnitude_ema", torch.empty(()))
        if not last:
            self.register_buffer("up_filter", torch.empty(plan.up_taps))
            taps = (plan.down_taps, plan.down_taps) if plan.radial else (plan.down_taps,)
            self.register_buffer("down_filter", torch.empty(taps))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Args: x: (n, inputs, size_in, size_in); style: (n, inputs); Returns: (n, outputs, size, size)."""
        before, after = self._scales(style)
        maps = (slice(None), slice(None), None, None)
        x = x * before.to(x.dtype)[maps]
        x = F.conv2d(x, self.weight.to(x.dtype), padding=self.plan.kernel - 1)
        x = torch.addcmul(self.bias.to(x.dtype)[:, None, None], x, after.to(x.dtype)[maps])
        if self.last:
            return _clamped(x, self.clamp)
        # The activation's factor of sqrt(2) waits for the filter after it.
        bound = None if self.clamp is None else self.clamp / 2**0.5
        x = up_sample(x, self.up_filter, self.plan.up, self._side())
        x = _clamped(F.leaky_relu(x, 0.2, inplace=not x.requires_grad), bound)
        return down_sample(x, self.down_filter, self.plan.down, gain=2**0.5)

    def _scales(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Factors of the input's and of the output's channels, so that one weight serves all samples.

        The style, of mean square 1, goes into the input; the length that it gives to each filter, once that
        has mean square 1 too, is divided out of the output.
        """
        gain = self.magnitude_ema.rsqrt()
        if self.last:
            return style * (gain / self.plan.inputs**0.5), torch.ones_like(self.bias)[None]
        style = style * style.square().mean(1, keepdim=True).rsqrt()
        power = self.weight.square().sum((2, 3))
        unit = (power.sum(1) / self.weight[0].numel()).rsqrt()
        length = style.square() @ (power * unit.square()[:, None]).T
        return style * gain, unit * (length + 1e-8).rsqrt()

    def _side(self) -> int:
        """Of the map on which the activation acts."""
        return (self.plan.size - 1) * self.plan.down + self.plan.down_taps


class Synthesis(StyleSynthesis):
    """Styles -> picture."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.scale = plan.scale
        self.dtype: torch.dtype | None = None  # of the convolutions, where it is not that of the weights
        self.names = tuple(layer.name for layer in plan.layers)
        self.input = Input(plan)
        for layer in plan.layers:
            self.add_module(layer.name, Layer(layer, plan.w, plan.clamp, last=layer is plan.layers[-1]))

    def layers(self) -> list[Layer]:
        """The convolutions, in forward order."""
        parts = (self.get_submodule(name) for name in self.names)
        return [part for part in parts if isinstance(part, Layer)]

    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, 1 + layers, w); Returns: (n, sum of widths), in the order of the layers."""
        parts: list[Input | Layer] = [self.input, *self.layers()]
        return torch.cat([part.affine(codes[:, i]) for i, part in enumerate(parts)], 1)

    def forward(self, styles: Tensor) -> Tensor:
        """Args: styles: as from `styles`; Returns: (n, 3, size, size)."""
        layers = self.layers()
        first, *rest = torch.split(styles, [4, *(layer.plan.inputs for layer in layers)], 1)
        x: Tensor = self.input(first).contiguous(memory_format=torch.channels_last)  # filters are quicker so
        x = x if self.dtype is None else x.to(self.dtype)
        for layer, style in zip(layers, rest, strict=True):
            x = layer(x, style)
        return x.to(styles.dtype) * self.scale


class Network(StyleNetwork):
    """Both parts, with the names of a state dict of NVIDIA's."""

    mapping: Mapping
    synthesis: Synthesis

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.mapping = Mapping(plan.z, plan.mapping, plan.classes, plan.w, joint=False)
        self.mapping.register_buffer("w_avg", torch.empty(plan.w))
        self.synthesis = Synthesis(plan)


def _clamped(x: Tensor, bound: float | None) -> Tensor:
    if bound is None:
        return x
    return x.clamp(-bound, bound) if x.requires_grad else x.clamp_(-bound, bound)
