"""The layers of StyleGAN 2's synthesis. Letters in shapes: n samples, c channels in, o channels out, h w pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core.plugin import reused_maps
from interpgan_stylegan.dense import EPSILON, GAIN, SLOPE, Affine
from interpgan_stylegan.v2 import strip_convolution
from interpgan_stylegan.v2.architecture import Plan
from interpgan_stylegan.v2.resampling import enlarge, smooth


class StyledConv(nn.Module):
    """Style per channel, 3x3 convolution, demodulation, noise, bias, leaky ReLU, clamp.

    Args:
        plan: of the whole.
        inputs, outputs: channels.
        size: height and width of the result.
        up: double the size.
        gain: on the result.
    """

    noise_const: Tensor

    def __init__(
        self,
        plan: Plan,
        inputs: int,
        outputs: int,
        size: tuple[int, int],
        up: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.affine = Affine(plan.w, inputs, plan.shift)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        if plan.noise:
            self.register_buffer("noise_const", torch.empty(size))
            self.noise_strength = nn.Parameter(torch.empty(()))
        self.up, self.size, self.gain = up, size, gain * GAIN
        self.limit = None if plan.clamp is None else plan.clamp * gain
        self.epsilon = EPSILON * (9 * inputs if plan.equalised else 1)
        self._norms: tuple[object, Tensor] | None = None

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, half: int | None = None) -> Tensor:
        """One layer.

        Args:
            x: (n, c, h, w).
            style: (n, c).
            noise: (n or 1, 1, h, w) of the result, or None.
            half: of the reused memory to write into; None = new memory.

        Returns:
            (n, o, h, w), of twice the size if up.
        """
        if x.device.type == "cpu" and x.dtype == torch.float32:
            self._arrange()
        # Where maps are larger than kernels, all that is per channel is multiplied into the kernels.
        large = self.size[0] * self.size[1] >= 9 * x.shape[1]
        if large and untracked_on_cpu(x, style, *self.parameters()):
            return self._in_strips(x, style, noise, half)
        return self._formula(x, style, noise)

    def _formula(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """The layer by its formula: differentiable, on any device, in any precision."""
        if x.dtype.itemsize == 2:
            style = style / style.abs().amax(1, keepdim=True).clamp_min(EPSILON)  # keeps sums in range
        factor = self._demodulation(style).to(x.dtype)
        x = self._convolved(x * style.to(x.dtype)[:, :, None, None])
        x = x * factor[:, :, None, None]
        if noise is not None:
            x = x + noise.to(x.dtype) * self.noise_strength
        x = functional.leaky_relu(x + self.bias[:, None, None], SLOPE) * self.gain
        return x if self.limit is None else x.clamp(-self.limit, self.limit)

    def _convolved(self, x: Tensor) -> Tensor:
        if not self.up:
            return functional.conv2d(x, self.weight, padding=1)
        if untracked_on_cpu(x, self.weight):
            x = strip_convolution.transposed_conv(x, self.weight)
        else:
            x = functional.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
        return smooth(x, padding=1, gain=4)

    def _in_strips(self, x: Tensor, style: Tensor, noise: Tensor | None, half: int | None) -> Tensor:
        """The same for large maps on a CPU."""
        factor = self._demodulation(style) * self.gain
        channels = len(self.weight)
        if half is None:
            shape = (len(x), channels, *self.size)
            out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        else:
            out = reused_maps(half, channels, *self.size, torch.float32)
        if noise is not None:
            noise = (noise[:, 0] * (self.noise_strength * self.gain)).expand(len(x), -1, -1)
        for i in range(len(x)):
            strip_convolution.styled_conv(
                x[i : i + 1],
                self.weight * torch.outer(factor[i], style[i])[:, :, None, None],
                self.bias * self.gain,
                None if noise is None else noise[i],
                SLOPE,
                self.limit,
                self.up,
                out[i : i + 1],
            )
        return out

    def _arrange(self) -> None:
        """Bring the kernels into the order in memory that is read quickest.

        Not before their first use, when what they were read from is gone; also where gradients are asked for, whose
        last bits depend on it: what was drawn before must not matter.
        """
        order, back = ((1, 2, 3, 0), (3, 0, 1, 2)) if self.up else ((0, 2, 3, 1), (0, 3, 1, 2))
        if not self.weight.permute(order).is_contiguous():
            with torch.inference_mode(False):
                self.weight.data = self.weight.data.permute(order).contiguous().permute(back)

    def _demodulation(self, style: Tensor) -> Tensor:
        """Args: style: (n, c); Returns: (n, o), what brings each styled kernel to length 1."""
        return (style.square() @ self._squares(style.dtype).T + self.epsilon).rsqrt()

    def _squares(self, dtype: torch.dtype) -> Tensor:
        """Squared length of each kernel, (o, c); kept until the weight changes."""
        if self.weight.requires_grad or self.weight.is_inference():
            return self.weight.to(dtype).square().sum((2, 3))
        key = (self.weight.data_ptr(), self.weight._version, dtype)
        if self._norms is None or self._norms[0] != key:
            with torch.inference_mode(False):
                self._norms = key, self.weight.to(dtype).square().sum((2, 3))
        return self._norms[1]


class ToRGB(nn.Module):
    """Style per channel, 1x1 convolution to a picture, clamp."""

    def __init__(self, plan: Plan, inputs: int) -> None:
        super().__init__()
        self.affine = Affine(plan.w, inputs, plan.shift)
        self.weight = nn.Parameter(torch.empty(plan.channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(plan.channels))
        self.limit = plan.clamp

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); style: (n, c); Returns: (n, 3, h, w), of the style's type."""
        weight = self.weight[:, :, 0, 0] * (style * style.shape[1] ** -0.5)[:, None]
        drawn = (weight.to(x.dtype) @ x.flatten(2)).to(style.dtype) + self.bias[:, None]
        if self.limit is not None:
            drawn = drawn.clamp(-self.limit, self.limit)
        image: Tensor = drawn.view(*drawn.shape[:2], *x.shape[2:])
        return image


class Skip(nn.Module):
    """The way round the convolutions of a block of the resnet architecture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w); Returns: (n, o, 2h, 2w)."""
        return enlarge(functional.conv2d(x, self.weight * (0.5 / self.weight.shape[1]) ** 0.5))


def untracked_on_cpu(*tensors: Tensor) -> bool:
    """All on a CPU in float32, and autograd will not ask for the way from them to the result."""
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return False
    return all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
