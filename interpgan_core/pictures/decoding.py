"""Pictures from anywhere: decoded without trust, upright, in RGB, and brought to one size."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from interpgan_core.errors import InterpganError
from interpgan_core.files.paths import refuse_impostor, start_of
from interpgan_core.files.unpickle import damaged

if TYPE_CHECKING:
    from PIL import Image

Fit = Literal["crop", "pad"]
"""How a picture gets its shape: its middle is cut out, or it is set on white."""

ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif")
"""Of the formats that are read."""

MAX_PIXELS = 100_000_000
"""Of one picture; a file of a few kilobytes can unpack to any number."""

_FORMATS = {
    "JPEG": b"\xff\xd8",
    "PNG": b"\x89PNG",
    "WEBP": b"RIFF",
    "BMP": b"BM",
    "GIF": b"GIF8",
}  # and their starts


def read_picture(source: Path | bytes, name: str = "") -> Image.Image:
    """Read one picture file.

    Args:
        source: a JPEG, PNG, WebP or BMP file, or a GIF that does not move; or its content.
        name: what messages call it; the path when left out.

    Returns:
        An RGB picture, upright as its EXIF data say. What is transparent is set on white; of 16 bits the upper
        8 are kept; colour profiles do not count.

    Raises:
        InterpganError: if it is missing, damaged, no such picture, an animation, or of more than `MAX_PIXELS`
            pixels, which is found out before it is decoded.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, Path):
        name = name or str(source)
        start = start_of(source, name)
    else:
        name = name or "the picture"
        start = source[:1024]
        refuse_impostor(start, name)
    too_large = InterpganError(
        f"{name} has more than {MAX_PIXELS // 10**6} megapixels; make it smaller before it is read here"
    )
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and odd metadata in words for programmers.
            warnings.simplefilter("ignore")
            file = source if isinstance(source, Path) else BytesIO(source)
            with Image.open(file, formats=[*_FORMATS]) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise too_large
                # A camera's JPEG may bring a preview of itself as a second picture.
                if getattr(picture, "is_animated", False) and picture.format != "MPO":
                    raise InterpganError(f"{name} is an animation; save one of its pictures as a file")
                picture.load()
                return _in_rgb(_upright(picture))
    except (InterpganError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise too_large from None
    except UnidentifiedImageError as error:
        if start.startswith(tuple(_FORMATS.values())):
            raise damaged(ValueError("its header cannot be read"), name) from error
        raise InterpganError(
            f"{name} is no picture in JPEG, PNG, WebP, BMP or GIF; convert it to PNG"
        ) from None
    except Exception as error:  # Pillow's readers raise errors of many kinds
        raise damaged(error, name) from error


def fitted(picture: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """A picture of one size from another, by Lanczos filters that average over what they leave out.

    Args:
        picture: RGB, of any size.
        size: height and width, in pixels.
        fit: see `Fit`.

    Returns:
        RGB of that size; of a picture that has it, the same pixels.
    """
    from PIL import Image

    lanczos = Image.Resampling.LANCZOS
    width, height = picture.size
    tall, wide = size
    flat = width * tall > height * wide  # flatter than the shape that is wanted?
    if fit == "crop":
        cut = (height * wide / tall, height) if flat else (width, width * tall / wide)
        left, top = (width - cut[0]) // 2, (height - cut[1]) // 2
        return picture.resize((wide, tall), lanczos, box=(left, top, left + cut[0], top + cut[1]))
    inner = (
        (wide, max(1, round(wide * height / width))) if flat else (max(1, round(tall * width / height)), tall)
    )
    whole = Image.new("RGB", (wide, tall), "white")
    whole.paste(picture.resize(inner, lanczos), ((wide - inner[0]) // 2, (tall - inner[1]) // 2))
    return whole


def _upright(picture: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged metadata do not spoil a picture
        return picture


def _in_rgb(picture: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    if picture.mode.startswith("I"):  # grey of 16 bits; of colours, Pillow keeps the upper 8 itself
        picture = Image.fromarray((np.asarray(picture).astype(np.int32) >> 8).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        picture = white
    return picture.convert("RGB")
