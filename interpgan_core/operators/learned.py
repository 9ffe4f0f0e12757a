"""Directions that were learnt, with the report of how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from interpgan_core.generators.directions import Direction, DirectionSet
from interpgan_core.operators.minimising import Curve
from interpgan_core.pictures.curves import draw_curves
from interpgan_core.pictures.report import Picture, Report, Strip, Table


class LearnedDirections(DirectionSet):
    """Directions, and the report of their training.

    Args:
        directions: name -> direction.
        report: its pictures lie in the step's folder.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Report
        >>> from interpgan_core.plugin import LearnedDirections
        >>> found = LearnedDirections({"smile": Direction(torch.eye(16)[0], "w")}, Report(notes=("in 200 steps",)))
        >>> list(found), found.summary().notes
        (['smile'], ('in 200 steps',))
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


def report_of_training(
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
    drawn = Picture.write(draw_curves(curves), folder, "curves.png", "losses, by step", alt, side=1500)
    return Report(strips=(Strip("Training", (drawn,)),), tables=tables, notes=notes)
