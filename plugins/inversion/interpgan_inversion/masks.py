"""Where pictures have to be like the originals: a mask of the user's, faces, and what photographs really show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from interpgan_core import Cutouts, ImageSet, InputFile, InterpganError, Progress
from interpgan_inversion.sources import Fit, read

if TYPE_CHECKING:
    from torch import Tensor

Mask: TypeAlias = Literal["face"] | InputFile

# The ellipse of a face that `inversion.align` has cut out, in shares of the picture's sides: half its width and height,
# around the middle. A tenth is little enough for ears not to be drawn into a background, and keeps the hair.
FACE_WIDTH, FACE_HEIGHT = 0.4, 0.49
AROUND = 0.1  # weight of what lies outside


def mask_of(
    mask: Path | Literal["face"] | None,
    pictures: ImageSet,
    fit: Fit,
    scratch: Path,
    progress: Progress,
) -> Tensor | None:
    """Weights of the pixels of pictures.

    Args:
        mask: a picture, whose white counts and whose black does not; "face", the ellipse of an aligned face, with a
            tenth of the weight around it; or None.
        pictures: the originals. What is mirrored at the borders of photographs (`Cutouts`) counts nothing.
        fit: how a file becomes square.
        scratch: for its pixels.
        progress: shows how far it is.

    Returns:
        (n, 1, h, w) float32 from 0 to 1; None where all pixels count alike.

    Raises:
        InterpganError: if the mask is black all over.
    """
    import numpy as np
    import torch

    weights = None
    if mask == "face":
        weights = _face(*pictures.size)
    elif mask is not None:
        found = read(mask, pictures.size, fit, 0, scratch / "mask", progress)
        weights = torch.from_numpy(np.asarray(found.pixels[:1], dtype=np.float32)).mean(1, keepdim=True) / 255
        if not weights.any():
            raise InterpganError(f"{mask} is black all over; make white what has to be like the pictures")
    if isinstance(pictures, Cutouts) and not (known := pictures.known()).all():
        shown = known[:, None].float()
        weights = shown if weights is None else weights * shown
    return None if weights is None else weights.expand(len(pictures), -1, -1, -1)


def in_words(mask: Path | Literal["face"] | None, pictures: ImageSet) -> list[str]:
    """The weights of `mask_of`, for the report."""
    said = []
    if mask == "face":
        said.append(f"Around the ellipse of the face, pixels had {AROUND:g} of its weight.")
    elif mask is not None:
        said.append("Only what is white in the mask had to be like the pictures.")
    if isinstance(pictures, Cutouts) and not pictures.known().all():
        said.append("What is mirrored at the borders of photographs had no weight.")
    return said


def _face(height: int, width: int) -> Tensor:
    """(1, 1, h, w) float32."""
    import torch

    y, x = ((torch.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    inside = (y[:, None] / FACE_HEIGHT).square() + (x / FACE_WIDTH).square() <= 1
    return torch.where(inside, 1.0, AROUND)[None, None]
