"""A face upright in a small square: what nets of faces were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpgan_core import Square

if TYPE_CHECKING:
    from torch import Tensor

# Where dlib puts the right eye, the left eye, and the right and left corner of the mouth: shares of a square that holds
# the face without its padding. Source: dlib's mean face, image_transforms/interpolation.h.
PLACES = ((0.2273, 0.2214), (0.7528, 0.2212), (0.254149, 0.780233), (0.726104, 0.780233))
USED = (0, 1, 3, 4)  # of the five points: the nose moves with the head
# Of red, green and blue, of 0 to 255; what all of dlib's nets of faces take off and divide by.
MEANS, DIVISOR = (122.781998, 117.000999, 104.297997), 256


def chip_square(points: Tensor, padding: float) -> Square:
    """The square of a face as dlib cuts it.

    Args:
        points: (5, 2) right eye, left eye, nose, right and left corner of the mouth; x and y in pixels.
        padding: around the face, as a share of its side: .25 for dlib's identity net, .2 for age and gender.

    Returns:
        The square whose points are nearest to dlib's places, in least squares.
    """
    import torch

    there = points[list(USED)].double()
    here = (
        (torch.tensor(PLACES, dtype=torch.float64) - 0.5) * 2 / (1 + 2 * padding)
    )  # from -1 to 1 in the square
    middle, origin = there.mean(0), here.mean(0)
    a, b = here - origin, there - middle
    # The similarity b = (c, -s; s, c) a; its first column is the way to the right.
    length = a.square().sum()
    cos = (a * b).sum() / length
    sin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / length
    x, y = middle[0] - cos * origin[0] + sin * origin[1], middle[1] - sin * origin[0] - cos * origin[1]
    return Square(float(x), float(y), float(cos), float(sin))


def prepared(chips: Tensor) -> Tensor:
    """Images in [-1, 1] as the nets take them; (n, 3, h, w)."""
    return (chips * 127.5 + (127.5 - chips.new_tensor(MEANS)[:, None, None])) / DIVISOR
