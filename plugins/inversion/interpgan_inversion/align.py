"""The operator `inversion.align`, and the plugin point of landmark nets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core import (
    Cutouts,
    ImageSet,
    Input,
    InterpganError,
    Operator,
    Progress,
    Square,
    each_picture,
    to_uint8,
)
from interpgan_core.plugin import remark
from interpgan_inversion.sources import Pictures, names_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

# Five points see a face a little larger and lower than the 68 that FFHQ was cut by. Measured with MTCNN on pictures of
# a generator of FFHQ, whose faces stand where the data set's do.
SMALLER, HIGHER = 0.981, 0.0045  # of the square's side
COARSE = 4  # times that a square is enlarged, and more: what comes out is a blur


@runtime_checkable
class LandmarkNet(Protocol):
    """A picture in, five points of each face out."""

    def landmarks(self, image: Tensor) -> Tensor:
        """Find them.

        Args:
            image: (3, h, w) float32 in [-1, 1], of any size.

        Returns:
            (k, 5, 2) float32, k faces, the largest first, 0 where none is found: x and y in pixels of the person's
            right eye (on the left of an upright picture), the left one, the tip of the nose, and the right and left
            corners of the mouth.
        """


class Align(Operator):
    """Cut faces out as those of FFHQ are, upright, eyes and mouth in their places; with no landmark net, the middle.

    What a square shows beyond the borders of a picture is the picture mirrored.

    Source: the square of Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019, appendix A, as
        their data set was cut. Deviations: five landmarks do for 68, with a correction of size and height.
    """

    pictures: Pictures
    """A picture, a folder, a .zip or an .npz of pictures, several of these, or a set of pictures."""
    resolution: Annotated[int, Field(ge=4, le=4096)]
    """Side of the result, in pixels: that of the generator's pictures."""
    landmarks: Input[LandmarkNet] | None = None
    """The net, `$step`; without one the middle is cut out."""
    faces: Literal["largest", "all"] = "largest"
    """Of a picture with several faces: the largest, or each of them."""
    unreadable: Annotated[int, Field(ge=0)] = 0
    """How many pictures that cannot be read, or show no face, are left out, before the step refuses them all."""

    def run(self, folder: Path, scratch: Path, progress: Progress) -> Cutouts:
        """Cut.

        Raises:
            InterpganError: if pictures cannot be read, or no face is found in one.
        """
        import torch

        originals: list[np.ndarray] = []
        names: list[str] = []
        squares: list[Square] = []
        sources: list[int] = []
        left: list[str] = []
        several: list[str] = []
        coarse: list[str] = []
        cuts: list[Tensor] = []
        for name, pixels in self._originals(left, progress):
            image = _image(pixels)
            found = self._squares(image)
            if not found:
                left.append(f"no face is found in {name}")
                if len(left) > self.unreadable:
                    raise InterpganError(
                        f"{left[-1]}; cut the face out yourself and leave landmarks out, or leave the picture out"
                    )
                continue
            if len(found) > 1 and self.faces == "largest":
                several.append(f"{name} shows {len(found)} faces")
                found = found[:1]
            coarse += [
                f"{name} has {square.side:.0f}" for square in found if square.side * COARSE < self.resolution
            ]
            originals.append(pixels)
            for i, square in enumerate(found):
                names.append(name if len(found) == 1 else f"{name}, face {i + 1}")
                squares.append(square)
                sources.append(len(originals) - 1)
                cuts.append(square.cut(image, self.resolution))
        if several:
            remark(f"{', '.join(several)}; the largest is taken; faces: all takes each")
        if coarse:
            remark(
                f"a face should have {self.resolution} pixels with what is around it, and that of {', '.join(coarse)}; "
                "what was enlarged so much is a blur; take a larger picture of it"
            )
        if not cuts:
            raise InterpganError(f"no picture is left ({', '.join(left)}); give pictures of faces")
        notes = {"aligned": "by five landmarks" if self.landmarks else "centre crop", "pictures": names}
        notes |= {"left out": left} if left else {}
        pixels = to_uint8(torch.stack(cuts)).transpose(0, 3, 1, 2)
        return Cutouts(pixels, notes=notes, originals=originals, squares=squares, sources=sources)

    def _originals(self, left: list[str], progress: Progress) -> Iterator[tuple[str, np.ndarray]]:
        """Pictures at their own sizes; what is said of those that cannot be read goes to `left`."""
        import numpy as np

        if isinstance(self.pictures, ImageSet):
            rows = zip(names_of(self.pictures), self.pictures.pixels, strict=True)
            for name, row in progress(rows, total=len(self.pictures), what="finding faces"):
                yield name, np.ascontiguousarray(row.transpose(1, 2, 0))
            return
        for source in self.pictures if isinstance(self.pictures, tuple) else (self.pictures,):
            with each_picture(source) as (count, pictures):
                for name, read in progress(pictures, total=count, what="finding faces"):
                    try:
                        pixels = np.asarray(read())
                    except InterpganError as error:
                        left.append(str(error).rsplit("; ", 1)[0])
                        if len(left) > self.unreadable:
                            raise
                    else:
                        yield name, pixels

    def _squares(self, image: Tensor) -> list[Square]:
        height, width = image.shape[1:]
        if self.landmarks is None:
            return [Square(width / 2, height / 2, min(width, height) / 2, 0.0)]
        import torch

        with torch.no_grad():
            points = self.landmarks.landmarks(image)
        return [corrected(square(face)) for face in points.cpu()]


def square(points: Tensor) -> Square:
    """The square of a face, by the formula of FFHQ.

    Args:
        points: (5, 2), as of `LandmarkNet`.
    """
    import torch

    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across, down = points[1] - points[0], mouth - eyes
    turned = torch.stack([down[1], -down[0]])  # down, by a right angle: with no error it points across
    right = across + turned
    right = right / right.norm() * max(2.0 * float(across.norm()), 1.8 * float(down.norm()))
    middle = eyes + 0.1 * down
    return Square(*middle.tolist(), *right.tolist())


def corrected(found: Square) -> Square:
    """The square that 68 landmarks would give, from that of five."""
    rise = 2 * HIGHER  # in units of half the side
    x, y = found.x + rise * found.right_y, found.y - rise * found.right_x
    return Square(x, y, SMALLER * found.right_x, SMALLER * found.right_y)


def _image(pixels: np.ndarray) -> Tensor:
    """(h, w, 3) uint8 as (3, h, w) float32 in [-1, 1]."""
    import numpy as np
    import torch

    return torch.from_numpy(np.array(pixels.transpose(2, 0, 1))).float() / 127.5 - 1
