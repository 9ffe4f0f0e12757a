"""The operator `faces.landmarks`: five points of every face."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from interpgan_core import Operator
from interpgan_faces.chips import chip_square
from interpgan_faces.wheels import MTCNN

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.mtcnn import Found, Mtcnn

LEAST = 20.0  # pixels; smaller faces are noise to the nets
SURE = 0.998  # probability under which a picture is looked at turned, too: lying faces get up to .99 with wrong points
ENOUGH = 0.9  # under which smaller faces are sought, and what is found in the end is no face
TILTED = math.radians(20)  # more, and the points are found again upright
AGAIN = 192  # pixels of the square for that
ROOM = 0.6  # of its padding, as of `chip_square`


class Landmarks:
    """A landmark net for `inversion.align`, and what the other steps of this plugin find faces with.

    Args:
        net: finds upright faces.
        smallest: side of the smallest face that is sought, as a share of the shorter side of the picture.
    """

    licence = "MIT: MTCNN in the package facenet-pytorch, trained on WIDER FACE and CelebA"

    def __init__(self, net: Mtcnn, smallest: float = 0.1) -> None:
        self.net, self.smallest = net, smallest

    def landmarks(self, image: Tensor) -> Tensor:
        """Five points of each face.

        Args:
            image: (3, h, w) float32 in [-1, 1].

        Returns:
            (k, 5, 2) float32, the largest face first: x and y in pixels of the right eye, the left eye, the nose, and
            the right and left corner of the mouth.
        """
        import torch

        found = self.find(image)
        faces = found.points[found.likely >= ENOUGH]
        return torch.stack([self._upright(image, points) for points in faces]) if len(faces) else faces

    def find(self, image: Tensor) -> Found:
        """Faces, upright or lying; small ones are sought where there are no others."""
        tried: list[Found] = []
        for smallest in sorted({max(LEAST, self.smallest * min(image.shape[1:])), LEAST}, reverse=True):
            for turns in (0, 1, 3, 2):
                tried.append(self._turned(image, turns, smallest))
                if tried[-1].sure >= SURE:
                    return tried[-1]
            if max(found.sure for found in tried) >= ENOUGH:
                break
        return max(tried, key=lambda found: found.sure)

    def _turned(self, image: Tensor, turns: int, smallest: float) -> Found:
        """Faces of the picture turned by quarters, in places of the picture as it is."""
        import torch

        from interpgan_faces.mtcnn import Found

        found = self.net.find(torch.rot90(image, turns, (1, 2)), smallest)
        height, width = image.shape[1:]
        x, y = found.points.unbind(2)
        points = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
        return Found(found.boxes, found.likely, torch.stack(points, 2))

    def _upright(self, image: Tensor, points: Tensor) -> Tensor:
        """The points of a tilted face, found again where it stands upright."""
        square = chip_square(points, ROOM)
        if abs(math.atan2(square.right_y, square.right_x)) < TILTED:
            return points
        found = self.net.find(square.cut(image, AGAIN), AGAIN / 4)
        if not len(found.points):
            return points
        return square.outside(found.points[0] / AGAIN * 2 - 1)


class LoadLandmarks(Operator):
    """Nets that find faces in photographs, and five points of each: MTCNN, fetched once (1.9 MB, MIT).

    Upright faces are found, those that lie or stand on their head, and tilted ones.

    Source: Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, 2016; the
        weights of the package facenet-pytorch.
    """

    keep: ClassVar[bool] = False

    smallest: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Side of the smallest face that is sought, as a share of the picture's shorter side. Where there is none of that
    size, faces from 20 pixels on are sought."""

    def run(self, device: str) -> Landmarks:
        """Load them.

        Raises:
            InterpganError: if they cannot be fetched.
        """
        return Landmarks(load_mtcnn(device), self.smallest)


def load_mtcnn(device: str = "cpu") -> Mtcnn:
    """The three nets, from the cache or fetched into it."""
    import torch

    from interpgan_faces.mtcnn import Mtcnn

    files = MTCNN.files()
    states = [torch.load(io.BytesIO(files[f"{name}net.pt"]), weights_only=True) for name in "pro"]
    return Mtcnn(states[0], states[1], states[2], device)
