"""The operator `inversion.align`, and the plugin point of landmark nets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core import ImageSet, Input, InterpganError, Operator, Progress
from interpgan_inversion.sources import Pictures, names_of, read

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

WORKING = 1024  # side of the pictures in which landmarks are sought, in pixels


@runtime_checkable
class LandmarkNet(Protocol):
    """Pictures in, five points of a face each out."""

    def landmarks(self, images: Tensor) -> Tensor:
        """Find them.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, 5, 2) float32: x and y in pixels of the person's right eye (on the left of an upright picture), the
            left one, the tip of the nose, and the right and left corners of the mouth; NaN where no face is found.
        """


class Align(Operator):
    """Cut faces out as those of FFHQ are, upright, eyes and mouth in their places; with no landmark net, the middle.

    Source: the square of Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019, appendix A, as
        their data set was cut. Deviations: five landmarks do for 68; what lies outside the picture is white.
    """

    pictures: Pictures
    """A picture, a folder, a .zip or an .npz of pictures, several of these, or a set of pictures of 1024 pixels."""
    resolution: Annotated[int, Field(ge=4, le=4096, strict=True)]
    """Side of the result, in pixels: that of the generator's pictures."""
    landmarks: Input[LandmarkNet] | None = None
    """The net, `$step`; without one the middle is cut out."""
    unreadable: Annotated[int, Field(ge=0, strict=True)] = 0
    """How many files that cannot be read are left out, before the step refuses them all."""

    def run(self, folder: Path, scratch: Path, progress: Progress) -> ImageSet:
        """Cut.

        Raises:
            InterpganError: if pictures cannot be read, or no face is found in one.
        """
        own = scratch / "originals"
        if self.landmarks is None:
            found = read(
                self.pictures, (self.resolution, self.resolution), "crop", self.unreadable, own, progress
            )
            how = "centre crop"
            pixels = found.pixels
        else:
            found = read(self.pictures, (WORKING, WORKING), "pad", self.unreadable, own, progress)
            how = "by five landmarks"
            pixels = _aligned(found, self.landmarks, self.resolution)
        notes = {**(found.notes or {}), "aligned": how, "pictures": names_of(found)}
        return ImageSet(pixels, notes=notes)


def square(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The square of a face.

    Args:
        points: (5, 2), as of `LandmarkNet`.

    Returns:
        Its middle, the way from there to the middle of its right side, and to that of its lower side; (2,) each.
    """
    import torch

    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across, down = points[1] - points[0], mouth - eyes
    turned = torch.stack([down[1], -down[0]])  # down, by a right angle: with no error it points across
    right = across + turned
    right = right / right.norm() * max(2.0 * float(across.norm()), 1.8 * float(down.norm()))
    return eyes + 0.1 * down, right, torch.stack([-right[1], right[0]])


def _aligned(found: ImageSet, net: LandmarkNet, side: int) -> np.ndarray:
    import numpy as np
    import torch
    from torch.nn import functional

    rows = []
    for i, name in enumerate(names_of(found)):
        image = found.images([i])
        with torch.no_grad():
            points = net.landmarks(image)[0].float().cpu()
        if not torch.isfinite(points).all():
            raise InterpganError(f"no face is found in {name}; cut it out yourself, or leave it out")
        middle, right, down = square(points)
        fine = side * max(1, round(2 * float(right.norm()) / side))  # pixels of the picture, then averaged
        at = (torch.arange(fine) + 0.5) / fine * 2 - 1
        places = middle + at[None, :, None] * right + at[:, None, None] * down
        grid = places / WORKING * 2 - 1  # of whole pixels: the middle of the first is at half a pixel
        # What lies outside is 0: so shift white there.
        cut = functional.grid_sample(image - 1, grid[None], padding_mode="zeros", align_corners=False) + 1
        small = functional.adaptive_avg_pool2d(cut, side)[0]
        rows.append(((small + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy())
    return np.stack(rows)
