"""Pictures with a region in colour, and the rest pale."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

Colour = tuple[int, int, int]
PALE = 0.72  # from the grey of a pixel outside, 0, to white, 1


def colours(count: int) -> list[Colour]:
    """Distinct colours; neighbours in the list differ the most."""
    golden = 0.618034
    shares = (colorsys.hls_to_rgb((0.02 + i * golden) % 1, 0.46, 0.78) for i in range(count))
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in shares]


def highlighted(picture: Pixels, inside: NDArray[np.bool_], colour: Colour) -> Pixels:
    """A picture that is unchanged inside a region, with a line round it, and pale and grey elsewhere.

    Args:
        picture: (h, w, 3) uint8.
        inside: (h, w) bool.
        colour: of the line.

    Returns:
        (h, w, 3) uint8.
    """
    import numpy as np
    from scipy import ndimage

    grey = picture.mean(axis=2, keepdims=True)
    out = np.where(inside[..., None], picture, grey + PALE * (255 - grey))
    line = ndimage.binary_dilation(inside) & ~inside
    out[line] = colour
    return out.astype(np.uint8)


def painted(picture: Pixels, regions: NDArray[np.int64], palette: list[Colour]) -> Pixels:
    """A grey picture, with each region in its colour.

    Args:
        picture: (h, w, 3) uint8.
        regions: (h, w); positions in the palette.
        palette: colours.

    Returns:
        (h, w, 3) uint8.
    """
    import numpy as np

    grey = picture.mean(axis=2, keepdims=True)
    mixed: Pixels = (0.35 * grey + 0.65 * np.array(palette)[regions]).round().astype(np.uint8)
    return mixed
