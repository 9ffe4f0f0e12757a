"""Segmenters: which part of an image is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from interpgan_core import InterpganError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Segmenter(Protocol):
    """Maps images to parts; the names of the parts are its attribute `parts`, a sequence of words."""

    def __call__(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, h', w') int64, positions in `parts`."""


def parts_of(segmenter: Segmenter) -> tuple[str, ...]:
    """The names of its parts.

    Raises:
        InterpganError: if it names none.
    """
    names: tuple[str, ...] = tuple(getattr(segmenter, "parts", ()))
    if not names:
        raise InterpganError(
            f"a {type(segmenter).__name__} names no parts; use a segmenter, such as avatars.segmenter"
        )
    return names


def part_maps(segmenter: Segmenter, images: Tensor, size: Sequence[int]) -> Tensor:
    """How much of each place every part fills.

    Args:
        segmenter: see `Segmenter`.
        images: (n, 3, h, w) float32 in [-1, 1].
        size: height and width of the maps wanted.

    Returns:
        (n, parts, *size) float32 that sum to 1 over the parts.
    """
    import torch
    from torch.nn import functional

    with torch.no_grad():
        found = segmenter(images)
    maps = functional.one_hot(found, len(parts_of(segmenter))).movedim(-1, 1).float()
    return functional.interpolate(maps, size=list(size), mode="area")


def mask_of(segmenter: Segmenter, images: Tensor, parts: Sequence[str], size: Sequence[int]) -> Tensor:
    """How much of each place some parts fill together: (n, 1, *size) float32 from 0 to 1.

    Raises:
        InterpganError: if the segmenter has no such part.
    """
    known = parts_of(segmenter)
    for part in parts:
        if part not in known:
            raise InterpganError(f"the segmenter knows no part '{part}'" + did_you_mean(part, known))
    maps = part_maps(segmenter, images, size)
    return maps[:, [known.index(part) for part in parts]].sum(1, keepdim=True)
