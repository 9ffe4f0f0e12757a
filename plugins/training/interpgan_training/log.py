"""The log of a training: metrics, curves, and images of the same codes as they become better."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from interpgan_core import Picture, Report, Strip, Table, contact_sheet, to_uint8
from interpgan_training.random_numbers import rng_for

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from interpgan_training.trainer import Trainer

LINES = 200  # of the log, over a whole training
EVENTS = "events.out.tfevents.*"  # as tensorboard names its files
SHEETS = 8
SHOWN = 16  # pictures of a sheet
CODES = 2**31  # seed of the sheets' codes: none that a step draws from

Plots = Mapping[str, Sequence[str]]
"""Title -> names of metrics, each a curve."""
PLOTS: Plots = {"losses": ("discriminator", "generator"), "mean logits": ("real", "fake")}


class TrainingLog:
    """The log and the sheets of a training; both go on in a resumed run.

    Where tensorboard is installed, an event file with the same lines stands beside the log. Seconds are those that the
    training took up to a line: what a run did after its last checkpoint is done again, and counts once.

    Args:
        folder: where they are kept.
        pictures: that the whole training will show.
        plots: what the report draws, where a metric was measured twice at least.
    """

    def __init__(self, folder: Path, pictures: int, plots: Plots = PLOTS) -> None:
        self.folder, self.pictures, self.plots = folder, pictures, plots
        self.lines: list[dict[str, float]] = []
        self.sums: dict[str, list[float]] = {}
        self.began = time.monotonic()
        self.events: SummaryWriter | None = None

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return time.monotonic() - self.began

    def content(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"lines": self.lines, "sums": self.sums, "seconds": self.seconds}

    def restore(self, content: dict[str, Any]) -> None:
        """Go on where the checkpoint was."""
        self.lines, self.sums = content["lines"], content["sums"]
        self.began = time.monotonic() - content.get("seconds", 0.0)

    def write(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Add the metrics of a step; every so often write a line and a sheet."""
        for name, value in metrics.items():
            total = self.sums.setdefault(name, [0.0, 0.0])
            total[0] += value
            total[1] += 1
        if trainer.seen >= len(self.lines) * self.pictures / LINES:
            means = {name: total / count for name, (total, count) in self.sums.items()}
            self._add({"pictures": trainer.seen, "seconds": round(self.seconds, 2), **means})
            self.sums = {}
        step = self.pictures / SHEETS
        if trainer.seen // step > (trainer.seen - trainer.seen / trainer.step) // step:
            self.sheet(trainer)

    def _add(self, line: dict[str, float]) -> None:
        self.lines.append(line)
        _write(self.folder, self.lines)
        added = [line]
        if self.events is None and importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            # One file for all runs: tensorboard reads several in the order of their names, not always that of time.
            for stopped in self.folder.glob(EVENTS):
                stopped.unlink()
            self.events = SummaryWriter(str(self.folder))
            added = self.lines
        if self.events is not None:
            for one in added:
                for name, value in one.items():
                    if name != "pictures":
                        self.events.add_scalar(name, value, int(one["pictures"]))
            self.events.flush()

    def close(self) -> None:
        """Nothing more is written."""
        if self.events is not None:
            self.events.close()

    def sheet(self, trainer: Trainer) -> None:
        """Pictures of the averaged generator, always of the same codes."""
        random = rng_for(trainer.settings.seed, CODES)
        labels = None
        if trainer.classes:
            labels = torch.eye(trainer.classes).repeat(SHOWN // trainer.classes + 1, 1)[:SHOWN]
            labels = labels.to(trainer.device)
        with torch.no_grad():
            made = trainer.family.fakes(
                trainer.average, SHOWN, labels, trainer.family.stage(trainer.seen), random
            )
        made = functional.interpolate(made.float(), size=trainer.data.size)
        name = f"{trainer.seen:09d}.png"
        Picture.write(contact_sheet(to_uint8(made), SHOWN // 4), self.folder / "sheets", name, "")

    def report(self, folder: Path, title: str) -> None:
        """Write everything, and a report, into the folder of the step."""
        text = (self.folder / "log.jsonl").read_text("utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        _write(folder, lines)
        for events in self.folder.glob(EVENTS):
            shutil.copy(events, folder)
        sheets = []
        for path in sorted((self.folder / "sheets").glob("*.png")):
            from PIL import Image

            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            caption = f"after {int(path.stem):,} pictures"
            sheets.append(Picture.write(pixels, folder, f"sheets/{path.name}", caption))
        strips = [Strip("", tuple(sheets))]
        curves = {title: found for title, names in self.plots.items() if (found := _curves_of(names, lines))}
        if curves:
            drawn = Picture.write(_draw(curves), folder, "curves.png", ", ".join(curves), side=1500)
            strips.append(Strip("", (drawn,)))
        last = {name: value for name, value in lines[-1].items() if name not in ("pictures", "seconds")}
        took = f"{lines[-1]['pictures']:,} pictures, {timedelta(seconds=round(lines[-1]['seconds']))} of training."
        table = Table("At the end", ("what", "mean of the last steps"), tuple(last.items()))
        Report(title, tuple(strips), (table,), (took,)).save(folder)


def _write(folder: Path, lines: Sequence[Mapping[str, float]]) -> None:
    """The log as `log.jsonl` and `log.csv`, while the training goes on and at its end."""
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    names = tuple(dict.fromkeys(name for line in lines for name in line))
    rows = tuple(tuple(line.get(name) for name in names) for line in lines)
    Table("Log", names, rows).write_csv(folder / "log.csv")


def _curves_of(
    names: Sequence[str], lines: Sequence[Mapping[str, float]]
) -> dict[str, list[tuple[float, float]]]:
    """The points of each metric that was measured twice at least: thousand pictures, value."""
    points = {
        name: [(line["pictures"] / 1000, line[name]) for line in lines if name in line] for name in names
    }
    return {name: found for name, found in points.items() if len(found) > 1}


def _draw(plots: Mapping[str, Mapping[str, list[tuple[float, float]]]]) -> np.ndarray:
    """(h, w, 3) uint8: the plots in rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = math.ceil(math.sqrt(len(plots)))
    height = -(-len(plots) // width)
    figure = Figure(figsize=(4.5 * width, 3 * height), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for place, (title, curves) in enumerate(plots.items(), 1):
        axes = figure.add_subplot(height, width, place)
        for name, points in curves.items():
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("thousand pictures", fontsize=9)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=9, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
