"""Drawn people as a set of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from interpgan_avatars.drawing import SIDE, picture
from interpgan_avatars.person import ATTRIBUTES, HAIR_STYLES, draw
from interpgan_core import ImageSet, InterpganError, Progress

NAMES = (*ATTRIBUTES, "hair", "skin")


def drawn(seeds: Sequence[int], folder: Path, progress: Progress) -> ImageSet:
    """Draw the people of some seeds, straight into a file.

    Args:
        seeds: one a picture.
        folder: where `pixels.npy` is written.
        progress: shows how far it is.

    Raises:
        InterpganError: if there are no seeds, or the drawing libraries are not installed.
    """
    if not len(seeds):
        raise InterpganError("there is nothing to draw; give seeds, such as 0-9999")
    file = folder / "pixels.npy"
    pixels = np.lib.format.open_memmap(file, "w+", dtype=np.uint8, shape=(len(seeds), 3, SIDE, SIDE))
    rows, styles = [], []
    for i, seed in enumerate(progress(seeds, total=len(seeds), what=f"drawing {len(seeds)} avatars")):
        person = draw(seed)
        pixels[i] = picture(person).transpose(2, 0, 1)
        rows.append((*person.attributes, person.hair_colour, person.skin))
        styles.append(person.style)
    pixels.flush()
    return ImageSet(
        pixels,
        classes=torch.tensor(styles),
        class_names=HAIR_STYLES,
        attributes=torch.tensor(rows, dtype=torch.float32),
        names=NAMES,
        seeds=torch.tensor(list(seeds), dtype=torch.int64),
        notes={"what": "avatars", "drawn by": "interpgan-avatars"},
    )
