"""Layers that several families of GANs have in common. Shape symbols: n samples, c channels in, o out, h w pixels."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_kept = threading.local()


class UpsamplingKernel:
    """Nearest upsampling by 2 and a 3x3 convolution, as one transposed convolution's kernel.

    Upsampling makes four equal pixels of one, and the 4x4 kernel holds sums of the 3x3 one's entries over them: 4
    products for a pixel in place of 9. It is computed again only when the weight has changed.

    Example:
        >>> import torch
        >>> from interpgan_core.plugin import UpsamplingKernel
        >>> UpsamplingKernel()(torch.ones(5, 2, 3, 3)).shape
        torch.Size([2, 5, 4, 4])
    """

    def __init__(self) -> None:
        self._kept: tuple[object, Tensor] | None = None

    def __call__(self, weight: Tensor) -> Tensor:
        """Args: weight: (o, c, 3, 3). Returns: (c, o, 4, 4), channels-last, for stride 2 and padding 1."""
        import torch

        if torch.is_grad_enabled() and weight.requires_grad:
            return self._computed(weight)
        version = 0 if weight.is_inference() else weight._version
        state = (weight.data_ptr(), weight.device, weight.dtype, version)
        if self._kept is None or self._kept[0] != state:
            self._kept = state, self._computed(weight)
        return self._kept[1]

    def _computed(self, weight: Tensor) -> Tensor:
        import torch

        padded = torch.nn.functional.pad(weight.flip(2, 3).transpose(0, 1), (1, 1, 1, 1))
        rows = padded[:, :, 1:] + padded[:, :, :-1]
        return (rows[..., 1:] + rows[..., :-1]).contiguous(memory_format=torch.channels_last)


def group_std(x: Tensor, group: int) -> Tensor:
    """Minibatch standard deviation: how much the images of a group differ, as a map of one number.

    Args:
        x: (n, c, h, w).
        group: images in a group; sample j belongs to group j mod (n / group).

    Returns:
        (n, 1, h, w).

    Raises:
        InterpganError: if n is not a multiple of the group.

    Source:
        Karras et al., Progressive Growing of GANs, ICLR 2018, section 3.
    """
    n, (height, width) = len(x), x.shape[2:]
    group = min(group, n)
    if n % group:
        raise InterpganError(
            f"{n} images cannot be divided into groups of {group}; give a multiple of {group}"
        )
    groups = x.reshape(group, n // group, *x.shape[1:])
    spread: Tensor = groups.var(0, correction=0).add(1e-8).sqrt().mean((1, 2, 3), keepdim=True)
    return spread.repeat(group, 1, height, width)


def reused_maps(half: int, channels: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    """Memory for the maps of a layer that are not kept; the next call with the same half overwrites it.

    It is held from image to image, by each thread its own: fresh memory from the system for every large layer costs
    up to half of an image's time. A layer reads one half and writes the other.

    Args:
        half: 0 or 1.
        channels: of the maps.
        height: of the maps.
        width: of the maps.
        dtype: of the maps.

    Returns:
        (1, channels, height, width) on the CPU, channels-last; its content is arbitrary.
    """
    import torch

    size = channels * height * width
    halves = _kept.__dict__.setdefault("halves", {})
    if (half, dtype) not in halves or len(halves[half, dtype]) < size:
        with torch.inference_mode(False):  # memory made inside could not be written to outside
            halves[half, dtype] = torch.empty(size, dtype=dtype)
    memory: Tensor = halves[half, dtype]
    return memory[:size].view(1, height, width, channels).permute(0, 3, 1, 2)
