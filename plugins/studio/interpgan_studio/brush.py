"""Strokes of the brush as steps: units switched off, or set to what they are where they draw, in a painted region."""

from __future__ import annotations

import base64
import binascii
import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from interpgan_core import Generator, InterpganError, RankedUnits, read_picture

LARGEST = 400_000  # bytes of a mask
SEEDS = range(32)  # of the samples that say how active units are where they draw
LEVELS = ("map", "mean")  # of ranked units; a map knows what is usual at each place
HIGH = 0.99  # quantile of their maps


def saved_mask(encoded: Any, strength: float, folder: Path) -> str:
    """Write the picture of a stroke.

    Args:
        encoded: a PNG in base64, white where it was painted.
        strength: from 0 to 1; the picture is darker by it.
        folder: where it is written.

    Returns:
        Its name, which its content tells.

    Raises:
        InterpganError: if it is no picture, or nothing was painted.
    """
    if not isinstance(encoded, str) or len(encoded) > LARGEST * 4 // 3:
        raise InterpganError("a stroke is a small picture; this is none")
    try:
        picture = read_picture(base64.b64decode(encoded, validate=True), "the stroke").convert("L")
    except binascii.Error:
        raise InterpganError("a stroke is a small picture; this is none") from None
    grey = np.asarray(picture, dtype=np.float32) * strength
    if not (grey >= 1).any():
        raise InterpganError("nothing was painted; draw on a picture")
    image = BytesIO()
    Image.fromarray(grey.round().astype(np.uint8)).save(image, "PNG")
    name = f"stroke-{hashlib.sha256(image.getvalue()).hexdigest()[:10]}.png"
    (folder / name).write_bytes(image.getvalue())
    return name


def level_of(generator: Generator, target: dict[str, Any], ranked: RankedUnits | None) -> Any:
    """What units become where they are to draw: the level of ranked units, or a high quantile of each unit's maps."""
    import torch

    if ranked is not None:
        return next(level for level in (*LEVELS, *ranked.levels) if level in ranked.levels)
    layer, units = generator.concepts[target["concept"]] if "concept" in target else (target["layer"], None)
    maps = [generator.features(one, [layer])[layer] for one in generator.stream(SEEDS, 1)]
    chosen = torch.cat(maps) if units is None else torch.cat(maps)[:, list(units)]
    levels = chosen.float().transpose(0, 1).flatten(1).quantile(HIGH, 1)
    return [round(value, 4) for value in levels.tolist()]
