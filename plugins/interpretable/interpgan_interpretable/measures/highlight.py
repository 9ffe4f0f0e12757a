"""Pixels with regions in colour, and the rest pale."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Pixels = NDArray[np.uint8]

Colour = tuple[int, int, int]
PALE = 0.72  # how far the rest goes to white


def colours(count: int) -> list[Colour]:
    """Colours that are easy to distinguish, neighbours in the list most."""
    golden = 0.618034
    made = []
    for i in range(count):
        red, green, blue = colorsys.hls_to_rgb((0.02 + i * golden) % 1, 0.46, 0.78)
        made.append((round(255 * red), round(255 * green), round(255 * blue)))
    return made


def sized(maps: Tensor, side: int) -> Tensor:
    """(n, m, h, w) -> (n, m, side, side), smooth."""
    from torch.nn import functional

    return functional.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)


def highlighted(picture: Pixels, inside: NDArray[np.bool_], colour: Colour) -> Pixels:
    """A picture that is itself inside a region, with a line round it, and pale and grey elsewhere.

    Args:
        picture: (h, w, 3) uint8.
        inside: (h, w) bool.
        colour: of the line.

    Returns:
        (h, w, 3) uint8.
    """
    import numpy as np
    from scipy import ndimage

    out = np.where(inside[..., None], picture, _pale(picture))
    line = ndimage.binary_dilation(inside) & ~inside
    out[line] = colour
    return out.astype(np.uint8)


def painted(picture: Pixels, which: NDArray[np.int64], palette: list[Colour]) -> Pixels:
    """A picture in grey under one colour a region.

    Args:
        picture: (h, w, 3) uint8.
        which: (h, w); positions in the palette.
        palette: colours.

    Returns:
        (h, w, 3) uint8.
    """
    import numpy as np

    grey = picture.mean(axis=2, keepdims=True)
    mixed: Pixels = (0.35 * grey + 0.65 * np.array(palette)[which]).round().astype(np.uint8)
    return mixed


def _pale(picture: Pixels) -> NDArray[np.float64]:
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    pale: NDArray[np.float64] = grey + PALE * (255 - grey)
    return pale
