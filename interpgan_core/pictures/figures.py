"""Figures for papers: pictures in rows, with labels that stay text."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    from interpgan_core.pictures.images import Pixels

FigureFormat: TypeAlias = Literal["png", "pdf", "svg"]

Row: TypeAlias = tuple[str, Sequence[tuple[str, "Pixels"]]]
"""A label, and what stands in the row: captions and pictures, (h, w, 3) uint8."""

WIDTH = 7.0  # inches of a page, without the labels of the rows
SIDE = 1.2  # inches of a picture at most
ROWS = 16  # of a page
COLUMNS = 8  # into which a single row breaks
LINE = 0.14  # inches of a line of text
DPI = 300

# No date, and names that do not change: the same pictures give the same bytes.
DATELESS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
)


def need_figures() -> None:
    """Check, before anything slow runs, that figures can be drawn.

    Raises:
        InterpganError: if matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise InterpganError("figures need matplotlib: pip install matplotlib")


def save_figures(rows: Sequence[Row], folder: Path, endings: Sequence[FigureFormat]) -> list[str]:
    """Write rows of pictures with their labels as `figure.*`, and `figure-2.*` where a page is full.

    A single row breaks into rows of eight. Pictures are 1.2 inches wide at most, and narrower where a row
    would be wider than 7 inches; PNG has 300 dots an inch.

    Args:
        rows: at least one, of one picture or more. A caption stands above a picture unless the picture
            above it has the same.
        folder: that exists.
        endings: of the files, each page once in every format.

    Returns:
        The names of the files.

    Raises:
        InterpganError: if matplotlib is not installed.
    """
    need_figures()
    import matplotlib as mpl

    if len(rows) == 1:
        label, cells = rows[0]
        rows = [(label, cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    names = []
    for number, first in enumerate(range(0, len(rows), ROWS), 1):
        figure = _page(rows[first : first + ROWS])
        for ending in endings:
            names.append(f"figure.{ending}" if number == 1 else f"figure-{number}.{ending}")
            with mpl.rc_context({"svg.hashsalt": "interpgan", "svg.fonttype": "none", "pdf.fonttype": 42}):
                figure.savefig(folder / names[-1], dpi=DPI, metadata=dict(DATELESS[ending]))
    return names


def _page(rows: Sequence[Row]) -> Any:
    """A figure whose places are counted in inches from its upper left corner."""
    from matplotlib.figure import Figure

    columns = max(len(cells) for _, cells in rows)
    labels = [label.replace(", ", "\n") for label, _ in rows]
    margin = 0.06 + LINE * max((label.count("\n") + 1 for label in labels if label), default=0)
    side = min(SIDE, WIDTH / columns)
    gap = side * 0.03
    above: tuple[str, ...] = ()
    places, down = [], 0.04
    for _, cells in rows:
        captions = tuple(caption for caption, _ in cells)
        titled = any(captions) and captions != above
        above = captions
        down += LINE + 0.02 if titled else 0.0
        height = side * max(picture.shape[0] / picture.shape[1] for _, picture in cells)
        places.append((down, height, titled))
        down += height + gap
    wide, high = margin + columns * (side + gap), down
    figure = Figure(figsize=(wide, high))
    for label, (top, height, titled), (_, cells) in zip(labels, places, rows, strict=True):
        middle = 1 - (top + height / 2) / high
        figure.text(
            margin / 2 / wide, middle, label, size=7, rotation=90, ha="center", va="center", ma="center"
        )
        for column, (caption, picture) in enumerate(cells):
            left = margin + column * (side + gap)
            axes = figure.add_axes((left / wide, 1 - (top + height) / high, side / wide, height / high))
            axes.imshow(picture)
            axes.set_axis_off()
            if titled:
                axes.set_title(caption, size=7, pad=2)
    return figure
