"""A region of pictures: a box, a picture of it, or parts that a segmenter finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ValidationInfo, model_validator
from pydantic_core import core_schema

from interpgan_core.errors import InterpganError
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import Input, Reference, existing
from interpgan_core.operators.segmenters import Parts, Segmenter, check_parts, mask_of
from interpgan_core.pictures.decoding import read_picture

if TYPE_CHECKING:
    from torch import Tensor

_BOX = "[top, left, bottom, right], from 0 to 1, top above bottom"


class _Region:
    """Makes a field take a box or the name of a picture."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        def check(value: Any, info: ValidationInfo) -> Any:
            if isinstance(value, str | Path):
                return existing(value, info)
            numbers = list(value) if isinstance(value, list | tuple) else []
            if len(numbers) != 4 or not all(
                isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n <= 1 for n in numbers
            ):
                raise InterpganError(f"a region is {_BOX}, or the name of a picture that is bright there")
            top, left, bottom, right = numbers
            if top >= bottom or left >= right:
                raise InterpganError(f"a region is {_BOX}")
            return tuple(float(n) for n in numbers)

        return core_schema.with_info_plain_validator_function(
            check,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda v: str(v) if isinstance(v, Path) else v
            ),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        return {
            "anyOf": [{"type": "array", "items": share, "minItems": 4, "maxItems": 4}, {"type": "string"}]
        }


Region = Annotated[tuple[float, float, float, float] | Path, _Region()]
"""[top, left, bottom, right] as shares of the height and width; or a picture, bright inside and black outside."""


class InRegion(Operator):
    """What operators share that work in a region: fields that say where, and `mask`.

    Example:
        >>> import torch
        >>> from interpgan_core import InRegion
        >>> class Brightness(InRegion):
        ...     def run(self, images):
        ...         mask = self.mask(images, images.shape[2:])
        ...         return float((images * mask).sum() / mask.sum() / 3)
        >>> Brightness(region=(0, 0, 0.5, 1)).run(torch.ones(1, 3, 4, 4))
        1.0
    """

    region: Region | None = None
    """Only here: [top, left, bottom, right] as shares of the height and width, or a picture that is bright there
    and black elsewhere; everywhere when left out."""
    parts: Parts | None = None
    """In place of a region: parts that the segmenter finds in each picture."""
    segmenter: Input[Segmenter] | None = None
    """Finds the parts."""

    @model_validator(mode="after")
    def _one_region(self) -> Self:
        if self.parts is None:
            if self.segmenter is not None:
                raise InterpganError("a segmenter finds parts; name them in 'parts'")
            return self
        if self.region is not None:
            raise InterpganError("name either a region or parts")
        if self.segmenter is None:
            raise InterpganError("parts are found by a segmenter; name its step in 'segmenter'")
        if not isinstance(self.segmenter, Reference):
            check_parts(self.segmenter, self.parts)
        return self

    @property
    def everywhere(self) -> bool:
        """Whether nothing says where."""
        return self.region is None and self.parts is None

    def mask(self, images: Tensor, size: Sequence[int]) -> Tensor:
        """How much of each position is in the region.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1]: pictures of the samples, before they are edited.
            size: height and width of the mask.

        Returns:
            (n or 1, 1, *size) float32 from 0 to 1; n where a segmenter finds parts.

        Raises:
            InterpganError: if a region covers no position of this size, or the segmenter knows no such part.
        """
        import torch

        if self.parts is not None:
            assert self.segmenter is not None
            return mask_of(self.segmenter, images, self.parts, size)
        if self.region is None:
            return torch.ones(1, 1, *size)
        mask = _box(self.region, size) if isinstance(self.region, tuple) else _picture(self.region, size)
        if not mask.any():
            raise InterpganError(
                f"the region covers nothing of maps of {size[0]} x {size[1]}; make it larger"
            )
        return mask


def _box(box: tuple[float, float, float, float], size: Sequence[int]) -> Tensor:
    import torch

    height, width = size
    top, left, bottom, right = box
    mask = torch.zeros(1, 1, height, width)
    mask[..., round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = 1
    return mask


def _picture(path: Path, size: Sequence[int]) -> Tensor:
    """The mean brightness where each position is."""
    import numpy as np
    import torch
    from torch.nn import functional

    grey = torch.from_numpy(np.array(read_picture(path).convert("L"), dtype=np.float32) / 255)
    return functional.interpolate(grey[None, None], size=list(size), mode="area")
