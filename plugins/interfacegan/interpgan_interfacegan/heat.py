"""A matrix as a picture: red where a number is above 0, blue below, with the number in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interpgan_core import Picture

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CELL, LINE, SIZE = (76, 40), 3, 15  # width and height of a cell, gap between cells, letters; in pixels
PAPER, INK, UP, DOWN = (253, 252, 250), (31, 30, 28), (178, 24, 43), (33, 102, 172)

Matrix = Sequence[Sequence[float | None]]


def write_heat(
    folder: Path, file: str, matrix: Matrix, rows: Sequence[str], columns: Sequence[str], full: float
) -> None:
    """Draw a matrix, and save it as `heat_of` names it.

    Args:
        folder: the step's folder.
        file: a name in .png.
        matrix: (r, c); None is left white.
        rows: r names.
        columns: c names.
        full: the size of a number that has the darkest colour.
    """
    Picture.write(draw(matrix, rows, columns, full), folder, file, "", side=2000)


def draw(matrix: Matrix, rows: Sequence[str], columns: Sequence[str], full: float) -> NDArray[np.uint8]:
    """The picture, (h, w, 3) uint8; the arguments are those of `write_heat`."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(SIZE)
    wide, high = max(CELL[0], *(int(font.getlength(c)) + 16 for c in columns)), CELL[1]
    left, top = max(int(font.getlength(name)) for name in rows) + 16, high
    image = Image.new("RGB", (left + wide * len(columns), top + high * len(rows)), PAPER)
    pen = ImageDraw.Draw(image)

    def write(text: str, x: float, y: float, colour: tuple[int, ...], anchor: str = "mm") -> None:
        pen.text((x, y), text, fill=colour, font=font, anchor=anchor)

    for j, name in enumerate(columns):
        write(name, left + (wide - LINE) / 2 + wide * j, top / 2, INK)
    for i, (name, numbers) in enumerate(zip(rows, matrix, strict=True)):
        y = top + high * i
        write(name, left - 8, y + (high - LINE) / 2, INK, "rm")
        for j, number in enumerate(numbers):
            x = left + wide * j
            depth = 0.0 if number is None else min(abs(number) / full, 1.0)
            colour = _mixed(PAPER, UP if (number or 0) > 0 else DOWN, depth)
            pen.rectangle((x, y, x + wide - LINE, y + high - LINE), fill=colour)
            text = "–" if number is None else f"{number:.2f}"
            write(text, x + (wide - LINE) / 2, y + (high - LINE) / 2, PAPER if depth > 0.55 else INK)
    return np.asarray(image)


def _mixed(a: Sequence[int], b: Sequence[int], share: float) -> tuple[int, ...]:
    return tuple(round(x + share * (y - x)) for x, y in zip(a, b, strict=True))
