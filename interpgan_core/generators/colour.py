"""Images of one, three and four channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    from torch import Tensor


def in_colour(images: Tensor) -> Tensor:
    """Images as scorers, extractors and screens take them.

    Args:
        images: (n, 1, h, w) grey, (n, 3, h, w), or (n, 4, h, w) with alpha last, from -1 = transparent to 1 = opaque.

    Returns:
        (n, 3, h, w): grey in all three channels; of four, the first three over white.

    Raises:
        InterpganError: if there is another number of channels.
    """
    match images.shape[1]:
        case 3:
            return images
        case 1:
            return images.expand(-1, 3, -1, -1)
        case 4:
            alpha = (images[:, 3:].clamp(-1, 1) + 1) / 2
            return images[:, :3] * alpha + (1 - alpha)
    raise InterpganError(f"images of {images.shape[1]} channels cannot be shown; 1, 3 and 4 are known")


def as_channels(images: Tensor, channels: int) -> Tensor:
    """Images as a network of so many channels takes them.

    Args:
        images: (n, c, h, w), c as in `in_colour`.
        channels: 1, 3 or 4.

    Returns:
        (n, channels, h, w): grey is the mean of the colours; alpha, where there was none, opaque.

    Example:
        >>> import torch
        >>> from interpgan_core.plugin import as_channels
        >>> as_channels(torch.zeros(2, 3, 4, 4), 1).shape
        torch.Size([2, 1, 4, 4])
    """
    if images.shape[1] == channels:
        return images
    colour = in_colour(images)
    if channels == 1:
        return colour.mean(1, keepdim=True)
    if channels == 4:
        return colour.new_ones(len(colour), 4, *colour.shape[2:]).index_copy(1, _first(colour), colour)
    return colour


def _first(images: Tensor) -> Tensor:
    import torch

    return torch.arange(3, device=images.device)
