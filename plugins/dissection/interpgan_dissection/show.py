"""Pictures of units: the samples that answer most, pale where the unit is off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Generator, Picture, Progress, Strip, contact_sheet, to_uint8
from interpgan_dissection.tally import upsampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interpgan_dissection.dissection import Dissection

SIDE = 128
"""Pixels of a sample in a sheet."""
PALE = 0.75
LINE = (230, 60, 30)


def show(
    found: Dissection, generator: Generator, count: int, folder: Path, progress: Progress
) -> tuple[Strip, ...]:
    """Draw the best units of each part.

    Args:
        found: the dissection.
        generator: whose.
        count: units of each part.
        folder: where the sheets go.
        progress: shows how far it is.

    Returns:
        One strip a part, of one sheet: a row a unit, its strongest samples from left to right.
    """
    import numpy as np

    drawn = found.drawn()
    chosen = {}
    for p, name in enumerate(found.parts):
        own = (drawn == p).nonzero()[:, 0]
        order = found.union[own, p].argsort(descending=True, stable=True)[:count]
        if len(order):
            chosen[name] = own[order].tolist()
    strips = []
    for name, units in progress(chosen.items(), total=len(chosen), what="drawing units"):
        rows = [cell for unit in units for cell in _row(found, generator, unit)]
        sheet = contact_sheet(np.stack(rows), len(rows) // len(units))
        words = ", ".join(
            f"{unit} (IoU {float(found.union[unit, found.parts.index(name)]):.2f})" for unit in units
        )
        file = f"units-{found.parts.index(name):02d}.png"
        shown = Picture.write(sheet, folder, file, f"Units {words}", side=max(sheet.shape))
        strips.append(Strip(f"Units that draw {name}", (shown,)))
    return tuple(strips)


def _row(found: Dissection, generator: Generator, unit: int) -> list[NDArray[np.uint8]]:
    """The strongest samples of a unit, each (SIDE, SIDE', 3)."""
    from torch.nn import functional

    cells = []
    for seed in found.top_seeds[unit].tolist():
        if seed < 0:
            continue
        batch = generator.sample([seed])
        image = generator.images(batch)
        size = (SIDE, round(SIDE * image.shape[3] / image.shape[2]))
        maps = generator.features(batch, [found.layer])[found.layer][:, [unit]].float()
        inside = (upsampled(maps, *size)[0, 0] > float(found.levels[unit])).cpu().numpy()
        large = functional.interpolate(image, size=size, mode="bicubic", antialias=True)
        cells.append(highlighted(to_uint8(large)[0], inside))
    return cells


def highlighted(picture: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A picture as it is inside a region, with a line round that, and pale and grey elsewhere.

    Args:
        picture: (h, w, 3) uint8.
        inside: (h, w) bool.

    Returns:
        (h, w, 3) uint8.
    """
    import numpy as np

    grey = picture.mean(axis=2, keepdims=True)
    out = np.where(inside[..., None], picture, grey + PALE * (255 - grey)).astype(np.uint8)
    near = np.zeros_like(inside)
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    near[:, 1:] |= inside[:, :-1]
    near[:, :-1] |= inside[:, 1:]
    out[near & ~inside] = LINE
    return out
