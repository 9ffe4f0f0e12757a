"""The layers of StyleGAN 1. Letters in shapes: n samples, c channels in, o channels out, h w pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import UpsamplingKernel
from interpgan_stylegan.dense import linear
from interpgan_stylegan.style_network import StyleNetwork, StyleSynthesis

SLOPE = 0.2  # of every leaky ReLU
EPSILON = 1e-8  # of every norm
LEARNING_RATE = 0.01  # of the mapping: its stored weights are a hundred times as large as they act


class Network(StyleNetwork):
    """The whole generator: `mapping` (z -> w), `synthesis.styles` (w+ -> s), `synthesis` (s -> pictures).

    Args:
        mapping: z -> w.
        synthesis: s -> pictures.
        w: entries of w.

    Attributes:
        w_avg: (w,) the mean of w.

    Source:
        Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019, section 2 and appendix C.
    """

    mapping: Mapping
    synthesis: Synthesis
    w_avg: Tensor

    def __init__(self, mapping: Mapping, synthesis: Synthesis, w: int) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis
        self.register_buffer("w_avg", torch.empty(w))


class Mapping(nn.Module):
    """z, and a label where there are classes, to w.

    Args:
        inputs: entries of z.
        widths: outputs of each dense layer; the last is w, or that of every layer.
        classes: 0 = unconditional.

    Attributes:
        shape: the arguments that it was made with.
        outputs: the last of the widths.
    """

    def __init__(self, inputs: int, widths: Sequence[int], classes: int) -> None:
        super().__init__()
        self.shape = {"inputs": inputs, "widths": list(widths), "classes": classes}
        self.inputs, self.classes, self.depth = inputs, classes, len(widths)
        self.outputs = widths[-1] if widths else 0
        if classes:
            self.label_weight = nn.Parameter(torch.empty(classes, inputs))
        before = inputs * 2 if classes else inputs
        for i, width in enumerate(widths):
            self.add_module(f"dense{i}", Dense(before, width, 2**0.5, LEARNING_RATE))
            before = width

    def normalise(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Args: z: (n, d); labels: (n, classes); Returns: (n, d or 2 d), what the first dense layer takes."""
        if labels is not None:
            z = torch.cat([z, labels.to(z) @ self.label_weight], 1)
        return z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Args: z: (n, d); labels: (n, classes) or None; Returns: (n, the last of the widths)."""
        x = self.normalise(z, labels)
        for i in range(self.depth):
            x = functional.leaky_relu(self.get_submodule(f"dense{i}")(x), SLOPE)
        return x


class Synthesis(StyleSynthesis):
    """Styles to pictures.

    Args:
        widths: channels at 4, 8, 16 … pixels.
        w: entries of w.
        lod: how many doublings of the size are left out, 0 to len(widths) - 1; a fraction blends.
        base: height and width of the first maps.
        channels: of the pictures.
        tanh: do pictures pass one at last?

    Attributes:
        shape: the arguments that it was made with.
    """

    layer0: Const

    def __init__(
        self,
        widths: Sequence[int],
        w: int,
        lod: float = 0.0,
        base: Sequence[int] = (4, 4),
        channels: int = 3,
        tanh: bool = False,
    ) -> None:
        super().__init__()
        self.lod, self.last, self.tanh = lod, len(widths) - 1, tanh
        self.shape = {"widths": list(widths), "w": w, "lod": lod, "base": list(base), "channels": channels}
        if tanh:
            self.shape["tanh"] = tanh
        for block, width in enumerate(widths):
            size = (base[0] * 2**block, base[1] * 2**block)
            first = Const(width, w, size) if block == 0 else Conv(widths[block - 1], width, w, size, up=True)
            self.add_module(f"layer{2 * block}", first)
            self.add_module(f"layer{2 * block + 1}", Conv(width, width, w, size))
            self.add_module(f"output{block}", Output(width, channels))

    @property
    def blocks(self) -> int:
        """How many blocks run: those up to the size that `lod` leaves."""
        return self.last + 1 - math.floor(self.lod)

    @property
    def layers(self) -> list[Layer]:
        """Every layer, whether it runs or not."""
        parts = (self.get_submodule(f"layer{k}") for k in range(2 * self.last + 2))
        return [part for part in parts if isinstance(part, Layer)]

    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, l, d) of w+; Returns: (n, s): scales, then shifts, layer by layer."""
        return torch.cat([layer.style(w) for layer, w in zip(self.layers, codes.unbind(1), strict=True)], 1)

    def forward(self, styles: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        """Synthesis.

        Args:
            styles: (n, s).
            noise: (n or 1, 1, h, w) for each layer that runs; None = without.

        Returns:
            (n, channels, h, w) in the type of the layers; always at the full size.
        """
        sizes = [len(layer.style.bias) for layer in self.layers]
        parts = torch.split(styles.to(self.layer0.const.dtype), sizes, 1)
        x = before = None
        for k in range(2 * self.blocks):
            if k % 2 == 0:
                before = x
            x = self.get_submodule(f"layer{k}")(x, parts[k], None if noise is None else noise[k])
        picture: Tensor = self.get_submodule(f"output{self.blocks - 1}")(x)
        coarse = self.lod - math.floor(self.lod)
        if coarse:
            picture = picture.lerp(_nearest(self.get_submodule(f"output{self.blocks - 2}")(before)), coarse)
        if self.blocks <= self.last:
            picture = _nearest(picture, 2 ** (self.last + 1 - self.blocks))
        return picture.tanh() if self.tanh else picture

    def cast(self, dtype: torch.dtype) -> None:
        """Set the precision; what makes styles of codes stays as it is."""
        for name, parameter in self.named_parameters():
            if ".style." not in name:
                parameter.data = parameter.data.to(dtype)


class Dense(nn.Module):
    """Dense layer with equalised learning rate."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.scale, self.rate = gain * rate / inputs**0.5, rate

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, d); Returns: (n, o)."""
        return linear(x * self.scale, self.weight, self.bias * self.rate)


class Noise(nn.Module):
    """Adds one map to all channels, to each with a strength of its own."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.noise = nn.Parameter(torch.empty(1, 1, *size))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Args: x: (n, c, h, w), changed in place; noise: (n or 1, 1, h, w)."""
        return x.addcmul_(noise, self.weight[:, None, None])


class Layer(nn.Module):
    """What ends every layer: noise, leaky ReLU, and the style in place of mean and standard deviation (AdaIN)."""

    def __init__(self, channels: int, w: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(channels))
        self.apply_noise = Noise(channels, size)
        self.style = Dense(w, 2 * channels)

    def finish(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Args: x: (n, c, h, w) with bias, changed in place; style: (n, 2 c); Returns: (n, c, h, w)."""
        if noise is not None:
            x = self.apply_noise(x, noise)
        scale, shift = style.view(len(style), 2, -1)[..., None, None].unbind(1)
        return restyle(functional.leaky_relu_(x, SLOPE), scale + 1, shift)


class Const(Layer):
    """The first layer: it starts from learned maps."""

    def __init__(self, channels: int, w: int, size: tuple[int, int]) -> None:
        super().__init__(channels, w, size)
        self.const = nn.Parameter(torch.empty(1, channels, *size))

    def forward(self, _x: None, style: Tensor, noise: Tensor | None) -> Tensor:
        x = (self.const + self.bias[:, None, None]).repeat(len(style), 1, 1, 1)
        return self.finish(x, style, noise)


class Conv(Layer):
    """Nearest upsampling where `up`, 3x3 convolution, a blur where `up`, and `finish`.

    Upsampling and convolution are one transposed convolution, whose 4x4 kernel is the 3x3 one added up for
    each of the four pixels that one becomes: 4 products for a pixel in place of 9.
    """

    def __init__(self, inputs: int, outputs: int, w: int, size: tuple[int, int], up: bool = False) -> None:
        super().__init__(outputs, w, size)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.scale, self.up = (2 / (inputs * 9)) ** 0.5, up
        self.kernel = UpsamplingKernel()

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Args: x: (n, c, h, w), best channels-last; Returns: (n, o, h, w), or twice as high and wide."""
        if self.up:
            x = functional.conv_transpose2d(x, self.kernel(self.weight), stride=2, padding=1)
            line = x.new_tensor([1, 2, 1]) / 4
            blur = (line[:, None] * line * self.scale).expand(x.shape[1], 1, 3, 3)
            x = functional.conv2d(x, blur, self.bias, padding=1, groups=x.shape[1])
        else:
            x = functional.conv2d(x, self.weight * self.scale, self.bias, padding=1)
        return self.finish(x, style, noise)


class Output(nn.Module):
    """A 1x1 convolution to the channels of the picture."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, channels, h, w)."""
        return functional.conv2d(x, self.weight * x.shape[1] ** -0.5, self.bias)


def restyle(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Give each channel another mean and standard deviation (AdaIN).

    torch's own norms are not used: channels-last they add a million squares one after the other, and are wrong
    in the fourth digit.

    Args:
        x: (n, c, h, w), changed in place unless gradients are wanted.
        scale: (n, c, 1, 1).
        shift: (n, c, 1, 1).

    Returns:
        (n, c, h, w).
    """
    out = None if torch.is_grad_enabled() and (x.requires_grad or scale.requires_grad) else x
    x = torch.sub(x, x.mean((2, 3), keepdim=True), out=out)
    wide = torch.promote_types(x.dtype, torch.float32)  # squares may pass the range of float16
    variance = x.to(wide).square().mean((2, 3), keepdim=True)
    return torch.addcmul(shift, x, scale * (variance + EPSILON).rsqrt().to(x.dtype), out=out)


def _nearest(x: Tensor, times: int = 2) -> Tensor:
    return functional.interpolate(x, scale_factor=float(times), mode="nearest")
