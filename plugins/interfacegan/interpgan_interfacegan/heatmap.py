"""A matrix as a heat map: red where a number is above 0, blue below, with the number in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interpgan_core import Picture

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CELL, GAP, FONT_SIZE = (76, 40), 3, 15  # width and height of a cell, gap between cells, letters; in pixels
BACKGROUND, TEXT, POSITIVE, NEGATIVE = (253, 252, 250), (31, 30, 28), (178, 24, 43), (33, 102, 172)

Matrix = Sequence[Sequence[float | None]]


def write_heatmap(
    folder: Path, file: str, matrix: Matrix, rows: Sequence[str], columns: Sequence[str], full: float
) -> None:
    """Draw a matrix, and save it.

    Args:
        folder: the step's folder.
        file: a name in .png.
        matrix: (r, c); None is left white.
        rows: r names.
        columns: c names.
        full: the absolute number that has the darkest colour.
    """
    Picture.write(draw_heatmap(matrix, rows, columns, full), folder, file, "", side=2000)


def draw_heatmap(
    matrix: Matrix, rows: Sequence[str], columns: Sequence[str], full: float
) -> NDArray[np.uint8]:
    """The picture, (h, w, 3) uint8; the arguments are those of `write_heatmap`."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(FONT_SIZE)
    width, height = max(CELL[0], *(int(font.getlength(c)) + 16 for c in columns)), CELL[1]
    left, top = max(int(font.getlength(name)) for name in rows) + 16, height
    image = Image.new("RGB", (left + width * len(columns), top + height * len(rows)), BACKGROUND)
    canvas = ImageDraw.Draw(image)

    def write(text: str, x: float, y: float, colour: tuple[int, ...], anchor: str = "mm") -> None:
        canvas.text((x, y), text, fill=colour, font=font, anchor=anchor)

    for j, name in enumerate(columns):
        write(name, left + (width - GAP) / 2 + width * j, top / 2, TEXT)
    for i, (name, numbers) in enumerate(zip(rows, matrix, strict=True)):
        y = top + height * i
        write(name, left - 8, y + (height - GAP) / 2, TEXT, "rm")
        for j, number in enumerate(numbers):
            x = left + width * j
            depth = 0.0 if number is None else min(abs(number) / full, 1.0)
            colour = _blend(BACKGROUND, POSITIVE if (number or 0) > 0 else NEGATIVE, depth)
            canvas.rectangle((x, y, x + width - GAP, y + height - GAP), fill=colour)
            text = "–" if number is None else f"{number:.2f}"
            write(text, x + (width - GAP) / 2, y + (height - GAP) / 2, BACKGROUND if depth > 0.55 else TEXT)
    return np.asarray(image)


def _blend(a: Sequence[int], b: Sequence[int], share: float) -> tuple[int, ...]:
    return tuple(round(x + share * (y - x)) for x, y in zip(a, b, strict=True))
