"""Segmenters: which part of a picture is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core import InterpganError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

Parts = Annotated[tuple[str, ...], Field(min_length=1)]
"""Names of parts that a segmenter knows."""


@runtime_checkable
class Segmenter(Protocol):
    """Maps images to the part of each pixel; its attribute `parts` is a sequence of the parts' names."""

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


def check_parts(segmenter: Segmenter, parts: Sequence[str]) -> None:
    """Check that a segmenter knows some parts.

    Raises:
        InterpganError: if it does not.
    """
    known = parts_of(segmenter)
    for part in parts:
        if part not in known:
            raise InterpganError(f"the segmenter knows no part '{part}'" + did_you_mean(part, known))


def part_maps(segmenter: Segmenter, images: Tensor, size: Sequence[int]) -> Tensor:
    """The share of each position that every part fills.

    Args:
        segmenter: of the images.
        images: (n, 3, h, w) float32 in [-1, 1].
        size: height and width of the maps.

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
    """The share of each position that some parts fill together: (n, 1, *size) float32 from 0 to 1.

    Raises:
        InterpganError: if the segmenter knows no such part.
    """
    check_parts(segmenter, parts)
    known = parts_of(segmenter)
    maps = part_maps(segmenter, images, size)
    return maps[:, [known.index(part) for part in parts]].sum(1, keepdim=True)
