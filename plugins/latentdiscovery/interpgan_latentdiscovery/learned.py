"""Directions that were learnt, with the report of how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core import Direction, DirectionSet, Picture, Report, Strip, Table

if TYPE_CHECKING:
    from interpgan_core.plugin import Curve


class LearnedDirections(DirectionSet):
    """Directions, and the report of their training.

    Args:
        directions: name -> direction.
        report: its pictures lie in the step's folder.
    """

    def __init__(self, directions: Mapping[str, Direction], report: Report | None = None) -> None:
        super().__init__(directions)
        self.report = report or Report()

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` and `report.json` into the folder."""
        super().save(folder)
        self.report.save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls(DirectionSet.load(folder), Report.load(folder))

    def summary(self) -> Report:
        """The report."""
        return self.report


def report_of(
    folder: Path, curves: Mapping[str, Curve], tables: tuple[Table, ...], notes: tuple[str, ...]
) -> Report:
    """Draw the curves into a folder.

    Args:
        folder: of the step.
        curves: title -> lines of a training.
        tables: what was measured.
        notes: how.

    Returns:
        The report.
    """
    alt = "; ".join(
        f"{title}: the loss goes from {curve[0]['loss']:.3g} to {curve[-1]['loss']:.3g}"
        for title, curve in curves.items()
    )
    drawn = Picture.write(_drawn(curves), folder, "curves.png", "losses, by step", alt, side=1500)
    return Report(strips=(Strip("Training", (drawn,)),), tables=tables, notes=notes)


def _drawn(curves: Mapping[str, Curve]) -> Any:
    """(h, w, 3) uint8: a plot a training, two in a row."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = min(2, len(curves))
    height = -(-len(curves) // width)
    figure = Figure(figsize=(4.5 * width, 3 * height), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for place, (title, curve) in enumerate(curves.items(), 1):
        axes = figure.add_subplot(height, width, place)
        for name in (name for name in curve[0] if name != "step"):
            points = [(line["step"], line[name]) for line in curve]
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("step", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=9, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
