"""The curves of trainings, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interpgan_core.pictures.figures import need_figures


def draw_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Any:
    """Plots of trainings, two in a row.

    Args:
        curves: title -> lines of a training, each with its "step" and its losses.

    Returns:
        (h, w, 3) uint8.

    Raises:
        InterpganError: if matplotlib is not installed.
    """
    need_figures()
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
