"""The layers of MobileStyleGAN. Letters in shapes: n samples, c channels in, o channels out, h w pixels."""

from __future__ import annotations

from collections.abc import Mapping as TensorMapping
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from interpgan_core.plugin import reused_maps
from interpgan_mobilestylegan import strip_convolution
from interpgan_mobilestylegan.strip_gradient import styled_convolution

SLOPE = 0.2  # of every leaky ReLU


class Dense(nn.Module):
    """`weight @ x + bias`."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = _frozen(weight), _frozen(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, d); Returns: (n, o)."""
        return functional.linear(x, self.weight, self.bias)


class Mapping(nn.Sequential):
    """z -> w, by dense layers of one width."""

    @property
    def width(self) -> int:
        """Of z and w."""
        return self.get_parameter(f"{len(self) - 1}.bias").shape[0]

    def forward(self, z: Tensor) -> Tensor:
        """Args: z: (n, d); Returns: (n, d)."""
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for dense in self:
            x = functional.leaky_relu(dense(x), SLOPE) * 2**0.5
        return x


class StyledConv(nn.Module):
    """Style per channel, separable 3x3 convolution, noise, bias, leaky ReLU.

    Args:
        weight: (o, c, 1, 1) after a depthwise convolution, or (o, c, 3, 3).
        depthwise: (c, 1, 3, 3), or None.
        noise: (1, 1, h, w) added to every channel.
        bias: (o, 1, 1).
        up: the input is first styled and brought to twice the size by an inverse Haar transform.
    """

    def __init__(
        self, weight: Tensor, depthwise: Tensor | None, noise: Tensor, bias: Tensor, up: bool
    ) -> None:
        super().__init__()
        self.weight, self.noise, self.bias = _frozen(weight), _frozen(noise), _frozen(bias)
        self.depthwise = None if depthwise is None else _frozen(depthwise)
        self.up = up

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, out: Tensor | None = None) -> Tensor:
        """One layer.

        Args:
            x: (n, c, h, w), or (n, 4c, h/2, w/2) before an inverse Haar transform.
            style: (n, c), or (n, 5c): the style before the transform, then the one after it.
            noise: (n, 1, h, w), or None for the layer's own.
            out: (n, o, h, w) channels-last memory for the result; None = new.

        Returns:
            (n, o, h, w).
        """
        noise = self._noise_of(x) if noise is None else noise.expand(len(x), -1, -1, -1)
        tracked = _tracked(x, style, *self.parameters())
        if x.device.type != "cpu" or (tracked and (self.depthwise is None or _dual(x, style))):
            return self._whole(x, style, noise)
        if tracked:
            inputs = x, style, self.depthwise, self.weight, noise, self.bias
            return styled_convolution(self._formula, SLOPE, self.up, *inputs)
        if out is None:
            shape = (len(x), len(self.weight), *noise.shape[2:])
            out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        # Sample by sample, so that the bytes of one do not depend on how many there are.
        for i in range(len(x)):
            if self.depthwise is None:
                out[i] = self._whole(x[i : i + 1], style[i : i + 1], noise[i : i + 1])[0]
            else:
                strip_convolution.styled_conv(
                    x[i], style[i], self.depthwise, self.weight, noise[i], self.bias, SLOPE, self.up, out[i]
                )
        return out

    def _noise_of(self, x: Tensor) -> Tensor:
        """The layer's own, for all samples."""
        return self.noise.expand(len(x), -1, -1, -1)

    def _whole(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """The layer by its formula: differentiable, on any device, all samples together."""
        return self._formula(x, style, self.depthwise, self.weight, noise, self.bias)

    def _formula(
        self, x: Tensor, style: Tensor, depthwise: Tensor | None, weight: Tensor, noise: Tensor, bias: Tensor
    ) -> Tensor:
        if self.up:
            before, style = style.split([x.shape[1], x.shape[1] // 4], 1)
            x = inverse_haar(x * before[:, :, None, None])
        x = x * style[:, :, None, None]
        if depthwise is not None:
            x = functional.conv2d(x, depthwise, padding=1, groups=len(depthwise))
        x = functional.conv2d(x, weight, padding=weight.shape[2] // 2)
        return functional.leaky_relu(x + noise + bias, SLOPE)


class Picture(nn.Module):
    """The last layer: style per channel, 1x1 convolution and, with 12 channels, an inverse Haar transform.

    Args:
        weight: (12 or 3, c).
        bias: (12 or 3,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = _frozen(weight), _frozen(bias)
        self.scale = 2 if len(weight) == 12 else 1

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); style: (n, c); Returns: (n, 3, 2h, 2w), or (n, 3, h, w)."""
        if x.device.type != "cpu" or _tracked(x, style, *self.parameters()):
            # The style on the few weights, not on the many maps; a matrix product where maps lie channels-last.
            weight = self.weight * style[:, None, :]
            colours = x.flatten(2).mT @ weight.mT + self.bias
            x = colours.mT.unflatten(2, x.shape[2:])
            return inverse_haar(x) if self.scale == 2 else x
        out = x.new_empty(len(x), 3, x.shape[2] * self.scale, x.shape[3] * self.scale)
        for i in range(len(x)):
            strip_convolution.picture(x[i], style[i], self.weight, self.bias, out[i])
        return out


class Network(nn.Module):
    """The whole generator: `mapping` (z -> w), `to_styles` (w+ -> s), `forward` (s -> pictures).

    Args:
        mapping: z -> w.
        styles: the affine layers w -> style, in order of use.
        const: (1, c, h, w), where synthesis starts.
        convs: the styled convolutions; their positions are StyleGAN2's layer numbers.
        picture: the last layer.
    """

    mapping: Mapping

    def __init__(
        self,
        mapping: Mapping,
        styles: Sequence[Dense],
        const: Tensor,
        convs: Sequence[StyledConv],
        picture: Picture,
    ) -> None:
        super().__init__()
        self.mapping, self.styles = mapping, nn.ModuleList(styles)
        self.const = _frozen(const.contiguous(memory_format=torch.channels_last))
        self.convs, self.picture = nn.ModuleList(convs), picture

    @property
    def affine_layers(self) -> list[Dense]:
        """w -> style, in order of use."""
        return [layer for layer in self.styles if isinstance(layer, Dense)]

    @property
    def conv_layers(self) -> list[StyledConv]:
        """The styled convolutions in forward order."""
        return [layer for layer in self.convs if isinstance(layer, StyledConv)]

    def to_styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, l, d), one for each affine layer; Returns: (n, s)."""
        return torch.cat([dense(code) for dense, code in zip(self.styles, codes.unbind(1), strict=True)], 1)

    def forward(self, styles: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Synthesis.

        Args:
            styles: (n, s), see `to_styles`.
            noise: (n, 1, h, w) for each styled convolution; None = their own.

        Returns:
            (n, 3, h, w) in the precision of the synthesis layers.
        """
        seen = self._seen(styles)
        if seen or len(styles) == 0:
            return self._render(styles, noise, new=True)
        # One by one: the same bytes as together, in a fraction of the memory.
        pictures = []
        for i in range(len(styles)):
            row = slice(i, i + 1)
            pictures.append(self._render(styles[row], noise and [maps[row] for maps in noise], new=False))
        return torch.cat(pictures)

    def _render(self, styles: Tensor, noise: Sequence[Tensor] | None, new: bool) -> Tensor:
        """`new`: every layer's maps in memory of their own, for others to keep."""
        widths = iter([len(layer.bias) for layer in self.affine_layers])
        chunks = [next(widths) + (next(widths) if conv.up else 0) for conv in self.conv_layers]
        parts = styles.to(self.const.dtype).split([*chunks, next(widths)], 1)
        x = self.const.expand(len(styles), -1, -1, -1)
        for i, conv in enumerate(self.conv_layers):
            # A layer reads one half of the memory and writes the other.
            height, width = conv.noise.shape[2:]
            out = None if new else reused_maps(i % 2, len(conv.weight), height, width, conv.weight.dtype)
            x = conv(x, parts[i], noise and noise[i], out)
        picture: Tensor = self.picture(x, parts[-1])
        return picture

    def cast(self, dtype: torch.dtype) -> None:
        """Set the precision of synthesis; mapping and styles stay as they are."""
        for part in (self.convs, self.picture):
            part.to(dtype)
        self.const.data = self.const.data.to(dtype)

    def _seen(self, styles: Tensor) -> bool:
        """Are the maps between the layers read outside of this network, by hooks or by autograd?"""
        hooked = any(conv._forward_hooks or conv._forward_pre_hooks for conv in self.convs)
        return styles.device.type != "cpu" or hooked or _tracked(styles, *self.parameters())


def network_of(tensors: TensorMapping[str, Tensor], ups: Sequence[bool]) -> Network:
    """The network whose state dict these tensors are.

    Args:
        tensors: by name.
        ups: does each styled convolution double the size?

    Raises:
        KeyError: if one is missing.
    """

    def dense(name: str) -> Dense:
        return Dense(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def count(name: str) -> int:
        return sum(key.startswith(f"{name}.") and key.endswith(".bias") for key in tensors)

    convs = [
        StyledConv(
            tensors[f"convs.{i}.weight"],
            tensors.get(f"convs.{i}.depthwise"),
            tensors[f"convs.{i}.noise"],
            tensors[f"convs.{i}.bias"],
            up,
        )
        for i, up in enumerate(ups)
    ]
    return Network(
        Mapping(*(dense(f"mapping.{i}") for i in range(count("mapping")))),
        [dense(f"styles.{i}") for i in range(count("styles"))],
        tensors["const"],
        convs,
        Picture(tensors["picture.weight"], tensors["picture.bias"]),
    )


def inverse_haar(x: Tensor) -> Tensor:
    """Twice the size from four bands.

    Args:
        x: (n, 4c, h, w), band by band: LL, then the three of detail; best channels-last.

    Returns:
        (n, c, 2h, 2w).
    """
    n, channels, h, w = x.shape
    bands = (x / 2).permute(0, 2, 3, 1).reshape(n, h, w, 2, 2, channels // 4)
    halves = bands[:, :, :, :, 0] + bands[:, :, :, :, 1], bands[:, :, :, :, 0] - bands[:, :, :, :, 1]
    rows = [torch.stack([s[:, :, :, 0] + s[:, :, :, 1], s[:, :, :, 0] - s[:, :, :, 1]], 3) for s in halves]
    return torch.stack(rows, 2).reshape(n, 2 * h, 2 * w, -1).permute(0, 3, 1, 2)


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _tracked(*tensors: Tensor) -> bool:
    """Will autograd ask for the way from these to the result?"""
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def _dual(*tensors: Tensor) -> bool:
    """Does one carry a derivative forward with it?"""
    return any(forward_ad.unpack_dual(t).tangent is not None for t in tensors)
