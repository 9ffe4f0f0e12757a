"""Segmenters: which part of a picture is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core.errors import InterpganError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

Parts = Annotated[tuple[str, ...], Field(min_length=1)]
"""Names of parts that a segmenter knows."""


@runtime_checkable
class Segmenter(Protocol):
    """Maps images to the part of each pixel; its attribute `parts` is a sequence of the parts' names.

    Example:
        >>> import torch
        >>> from interpgan_core import Segmenter
        >>> class Halves:
        ...     parts = ("left", "right")
        ...     def __call__(self, images):
        ...         columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        ...         return columns.expand(len(images), *images.shape[2:])
        >>> isinstance(Halves(), Segmenter)
        True
    """

    parts: Sequence[str]

    def __call__(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, h', w') int64, positions in `parts`."""


@runtime_checkable
class SoftSegmenter(Segmenter, Protocol):
    """A segmenter that also says how sure it is, so that edits can be optimised for what it finds.

    Example:
        >>> import torch
        >>> from interpgan_core import SoftSegmenter
        >>> class Bright:
        ...     parts = ("dark", "bright")
        ...     def probabilities(self, images):
        ...         bright = images.mean(1).sigmoid()
        ...         return torch.stack([1 - bright, bright], 1)
        ...     def __call__(self, images):
        ...         return self.probabilities(images).argmax(1)
        >>> isinstance(Bright(), SoftSegmenter)
        True
    """

    def probabilities(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, parts, h', w') float32 that sum to 1 over the
        parts; gradients flow where the images ask for them."""


def parts_of(segmenter: Segmenter) -> tuple[str, ...]:
    """The names of its parts.

    Args:
        segmenter: whose.

    Returns:
        The names, in the order of the numbers that it gives.

    Raises:
        InterpganError: if it names none.

    Example:
        >>> import torch
        >>> from interpgan_core import parts_of
        >>> class Halves:
        ...     parts = ("left", "right")
        ...     def __call__(self, images):
        ...         columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        ...         return columns.expand(len(images), *images.shape[2:])
        >>> parts_of(Halves())
        ('left', 'right')
    """
    names: tuple[str, ...] = tuple(getattr(segmenter, "parts", ()))
    if not names:
        raise InterpganError(
            f"a {type(segmenter).__name__} names no parts; use a segmenter, such as avatars.segmenter or faces.regions"
        )
    return names


def check_parts(segmenter: Segmenter, parts: Sequence[str]) -> None:
    """Check that a segmenter knows some parts.

    Args:
        segmenter: that is to find them.
        parts: their names.

    Raises:
        InterpganError: if it does not.

    Example:
        >>> import torch
        >>> from interpgan_core import check_parts
        >>> class Halves:
        ...     parts = ("left", "right")
        ...     def __call__(self, images):
        ...         columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        ...         return columns.expand(len(images), *images.shape[2:])
        >>> check_parts(Halves(), ["lift"])
        Traceback (most recent call last):
        interpgan_core.errors.InterpganError: the segmenter knows no part 'lift'; did you mean 'left'?
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

    Example:
        >>> import torch
        >>> from interpgan_core import part_maps
        >>> class Halves:
        ...     parts = ("left", "right")
        ...     def __call__(self, images):
        ...         columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        ...         return columns.expand(len(images), *images.shape[2:])
        >>> part_maps(Halves(), torch.zeros(1, 3, 4, 4), (1, 2))[0, 0].tolist()
        [[1.0, 0.0]]
    """
    import torch
    from torch.nn import functional

    with torch.no_grad():
        found = segmenter(images)
    maps = functional.one_hot(found, len(parts_of(segmenter))).movedim(-1, 1).float()
    return functional.interpolate(maps, size=list(size), mode="area")


def mask_of(segmenter: Segmenter, images: Tensor, parts: Sequence[str], size: Sequence[int]) -> Tensor:
    """The share of each position that some parts fill together.

    Args:
        segmenter: of the images.
        images: (n, 3, h, w) float32 in [-1, 1].
        parts: names.
        size: height and width of the mask.

    Returns:
        (n, 1, *size) float32 from 0 to 1.

    Raises:
        InterpganError: if the segmenter knows no such part.

    Example:
        >>> import torch
        >>> from interpgan_core import mask_of
        >>> class Halves:
        ...     parts = ("left", "right")
        ...     def __call__(self, images):
        ...         columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        ...         return columns.expand(len(images), *images.shape[2:])
        >>> mask_of(Halves(), torch.zeros(1, 3, 4, 4), ["right"], (1, 2)).tolist()
        [[[[0.0, 1.0]]]]
    """
    check_parts(segmenter, parts)
    known = parts_of(segmenter)
    maps = part_maps(segmenter, images, size)
    return maps[:, [known.index(part) for part in parts]].sum(1, keepdim=True)
