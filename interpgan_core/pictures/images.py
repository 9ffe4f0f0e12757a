"""From a generator's numbers to pictures: files, contact sheets, difference maps, thumbnails."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor

    Pixels: TypeAlias = NDArray[np.uint8]

SAVE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        ".png": {"format": "PNG", "compress_level": 1},
        ".jpg": {"format": "JPEG", "quality": 95},
        ".jpeg": {"format": "JPEG", "quality": 95},
        ".webp": {"format": "WEBP", "quality": 90},
    }
)

HEAT = ("#000000", "#180033", "#570068", "#a70e63", "#e24a3f", "#f98f2b", "#fdce4e", "#fbf8ca")
"""Colours of difference maps from no change to `HEAT_FULL`, evenly spaced; their lightness only rises."""

SHEET = 16_000
"""Pixels that a contact sheet may have at most along a side: WebP holds 16,383."""

HEAT_FULL = 64
"""The mean difference, of 255, that has the last colour; the same in every map, so maps compare."""


def to_uint8(images: Tensor) -> Pixels:
    """Round pictures as the field does: clamp(x * 127.5 + 128, 0, 255), then cut the fraction.

    Args:
        images: (n, 3, h, w), for grey (n, 1, h, w), with alpha (n, 4, h, w) float; -1 is black, 1 is white.

    Returns:
        (n, h, w, 3) uint8 on the CPU; (n, h, w, 4) with alpha.

    Raises:
        InterpganError: if a number is not finite, or the shape is another.

    Source:
        The conversion in NVIDIA's gen_images.py, so that equal codes give equal files.
    """
    import torch

    if images.ndim != 4 or images.shape[1] not in (1, 3, 4):
        raise InterpganError(f"pictures have shape (n, 3, h, w) or (n, 1, h, w), not {tuple(images.shape)}")
    numbers = images.detach().float()
    if not torch.isfinite(numbers).all():
        raise InterpganError(
            "the generator drew numbers that are not finite: the edit went too far, or the precision is "
            "too low; lower the strength, or load the generator with precision: float32"
        )
    whole = (numbers * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    channels = max(images.shape[1], 3)
    rows: Pixels = whole.permute(0, 2, 3, 1).expand(-1, -1, -1, channels).contiguous().cpu().numpy()
    return rows


def save_picture(picture: Pixels, path: Path, text: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write one picture; the same picture gives the same bytes.

    Args:
        picture: (h, w, 3) uint8, or (h, w, 4) with alpha, which JPEG cannot hold.
        path: a name in .png, .jpg (quality 95) or .webp (quality 90).
        text: metadata to keep inside a PNG, such as the seed; the other formats leave them out.

    Raises:
        InterpganError: if the name ends otherwise.
    """
    from PIL import PngImagePlugin

    if path.suffix.lower() not in SAVE:
        raise InterpganError(f"cannot write a picture as '{path.name}'; end the name in {', '.join(SAVE)}")
    options = dict(SAVE[path.suffix.lower()])
    if options["format"] == "PNG":
        words = PngImagePlugin.PngInfo()
        for key, value in text.items():
            words.add_text(key, value)
        options["pnginfo"] = words
    _image(picture).save(path, **options)


def data_uri(picture: Pixels) -> str:
    """Args: picture: (h, w, 3) uint8; Returns: it as a PNG in an address, for a page that carries its pictures."""
    content = BytesIO()
    _image(picture).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def thumbnail(picture: Pixels, side: int) -> Pixels:
    """A picture whose longer side is at most `side` pixels (Lanczos); a small one stays as it is.

    Args:
        picture: (h, w, 3 or 4) uint8.
        side: pixels, at least 1.

    Returns:
        (h', w', 3 or 4) uint8 of the same proportions.
    """
    import numpy as np
    from PIL import Image

    image = _image(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=None)
    return np.asarray(image)


def over_white(picture: Pixels) -> Pixels:
    """Args: picture: (h, w, 3 or 4) uint8; Returns: (h, w, 3) uint8, what is transparent on white."""
    import numpy as np
    from PIL import Image

    if picture.shape[2] == 3:
        return picture
    image = _image(picture)
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return np.asarray(white.convert("RGB"))


def sheet_pages(pictures: Pixels, columns: int) -> list[Pixels]:
    """Contact sheets of pictures, no larger than every picture format holds.

    Args:
        pictures: (n, h, w, 3) uint8, n at least 1.
        columns: pictures in a row; a row that is too wide goes on below itself.

    Returns:
        One sheet, or several where there are too many rows for one.
    """
    _, height, width, _ = pictures.shape
    fitting = max(1, SHEET // (width + 2))
    columns = columns if columns <= fitting else -(-columns // -(-columns // fitting))
    page = columns * max(1, SHEET // (height + 2))
    return [contact_sheet(pictures[start : start + page], columns) for start in range(0, len(pictures), page)]


def contact_sheet(pictures: Pixels, columns: int, gap: int = 2) -> Pixels:
    """A contact sheet on white, row by row.

    Args:
        pictures: (n, h, w, 3) uint8, n at least 1.
        columns: pictures in a row, at least 1; places left over in the last row stay white.
        gap: pixels between neighbours.

    Returns:
        (H, W, 3) uint8.
    """
    import numpy as np

    n, h, w, _ = pictures.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 255, dtype=np.uint8)
    for i, picture in enumerate(pictures):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[y : y + h, x : x + w] = picture
    return sheet


def difference(a: Pixels, b: Pixels) -> Pixels:
    """Where two pictures differ: dark where they agree, bright where they do not.

    Args:
        a: (h, w, 3) uint8.
        b: (h, w, 3) uint8.

    Returns:
        (h, w, 3) uint8; the mean of |a - b| over the channels in the colours of `HEAT`, from 0 to
        `HEAT_FULL` and more.

    Raises:
        InterpganError: if the sizes differ.
    """
    import numpy as np

    if a.shape != b.shape:
        raise InterpganError(f"pictures of {a.shape[:2]} and {b.shape[:2]} pixels cannot be compared")
    change = np.abs(a.astype(np.int16) - b).sum(axis=2)
    colours: Pixels = _heat_colours()[np.minimum(change * 255 // (3 * HEAT_FULL), 255)]
    return colours


def _heat_colours() -> Pixels:
    """(256, 3) uint8: `HEAT` drawn out to one colour a level."""
    import numpy as np

    stops = np.array([list(bytes.fromhex(colour[1:])) for colour in HEAT])
    at, levels = np.linspace(0, 255, len(stops)), np.arange(256)
    channels = [np.interp(levels, at, stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _image(picture: Pixels) -> Image.Image:
    from PIL import Image

    return Image.fromarray(picture)
