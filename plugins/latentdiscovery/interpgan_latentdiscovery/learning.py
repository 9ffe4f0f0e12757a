"""The training of `latentdiscovery.learn`, and its test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Direction, LatentBatch, Progress, Ranges, Table
from interpgan_core.plugin import LearnedDirections, TrainingCodes, minimise, remark, report_of_training
from interpgan_latentdiscovery.networks import Model

_GUESSING = 2.0  # times the accuracy of guessing: below, nothing was learnt
WARNING = (
    "Accuracy says that a network can tell the directions apart, not that people can, nor that each changes one thing: "
    "it may read artifacts, and it grows with 'reach'."
)


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `latentdiscovery.learn`."""

    count: int
    reach: float
    least: float
    shift_weight: float
    side: int
    steps: int
    rate: float
    batch_size: int
    held_out: Ranges
    seed: int


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures before and after moves.

    Args:
        codes: of the samples.
        unit: of a shift, in units of the space.
        side: longer side that pictures are reduced to.
    """

    codes: TrainingCodes
    unit: float
    side: int

    def seen(self, batch: LatentBatch) -> Tensor:
        """(n, 3, h, w) pictures, of `side` at most."""
        images = self.codes.generator.images(batch, len(batch))
        longer = max(images.shape[2:])
        if longer <= self.side:
            return images
        height, width = (max(1, round(n * self.side / longer)) for n in images.shape[2:])
        return functional.interpolate(images, size=[height, width], mode="area")

    def moved(self, batch: LatentBatch, rows: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures before and after; gradients flow into the directions alone.

        Args:
            batch: n samples.
            rows: (n, d) unit vectors.
            shifts: (n,) in standard deviations of the codes.
        """
        with torch.no_grad():
            before = self.seen(batch)
        return before, self.seen(self.codes.moved(batch, shifts[:, None] * self.unit * rows))


def drawn_shifts(random: np.random.RandomState, count: int, reach: float, least: float) -> Tensor:
    """(count,) from -reach to reach, none nearer to 0 than `least`."""
    shifts = torch.from_numpy(random.uniform(-reach, reach, count)).float()
    return shifts.sign() * shifts.abs().clamp(min=least)


def learn(
    codes: TrainingCodes, of: Settings, folder: Path, scratch: Path, progress: Progress
) -> LearnedDirections:
    """Learn the directions and the reconstructor, and test both on other samples.

    Args:
        codes: of the samples.
        of: how to train.
        folder: for the curves.
        scratch: for the state of the training.
        progress: shows how far it is.
    """
    device = codes.generator.device
    pairs = Pairs(codes, codes.spread(), of.side)
    with torch.no_grad():
        side = min(pairs.seen(codes.of(codes.seeds[:1])).shape[2:])
    model = Model(codes.space.shape[0], of.count, side, of.seed).to(device)

    def losses(step: int) -> dict[str, Tensor]:
        random = np.random.RandomState([of.seed, step])
        batch = codes.drawn(random, of.batch_size)
        which = torch.from_numpy(random.randint(0, of.count, of.batch_size)).to(device)
        shifts = drawn_shifts(random, of.batch_size, of.reach, of.least).to(device)
        logits, far = model.reconstructor(*pairs.moved(batch, model.rotation()[which], shifts))
        wrong = functional.cross_entropy(logits, which)
        error = (far - shifts).abs().mean()
        found = (logits.argmax(1) == which).float().mean()
        return {"loss": wrong + of.shift_weight * error, "cross-entropy": wrong, "accuracy": found}

    curve = minimise(
        model, losses, of.steps, of.rate, scratch / "state.pt", f"learning {of.count} directions", progress
    )
    with torch.no_grad():
        rows = model.rotation()
    right, error = _tested(model, rows, pairs, of, progress)
    order = sorted(range(of.count), key=lambda i: (-right[i], i))
    directions = {
        str(place): Direction(
            rows[i], codes.space.name, layers=codes.layers, generator=codes.generator.fingerprint,
            notes={"accuracy": right[i], "shift_error": error[i]},
        )
        for place, i in enumerate(order)
    }  # fmt: skip
    mean = sum(right) / len(right)
    if mean < _GUESSING / of.count:
        remark(
            f"the reconstructor names {mean:.1%} of held-out moves, and guessing would name {1 / of.count:.1%}: "
            "nothing was learnt; give more 'steps', or a larger 'reach'"
        )
    table = Table(
        "Held-out samples, by direction",
        ("direction", "accuracy", "error of the shift"),
        tuple((name, d.notes["accuracy"], d.notes["shift_error"]) for name, d in directions.items()),
        f"Share of {len(of.held_out)} moves whose direction the reconstructor names, and the mean absolute error of "
        "its shift, in standard deviations of the codes.",
    )
    notes = (f"Accuracy of all: {mean:.1%}; guessing: {1 / of.count:.1%}.", WARNING)
    return LearnedDirections(
        directions, report_of_training(folder, {"Reconstruction": curve}, (table,), notes)
    )


def _tested(
    model: Model, rows: Tensor, pairs: Pairs, of: Settings, progress: Progress
) -> tuple[list[float], list[float]]:
    """Of each direction: the share of moves that is named, and the mean error of the shift."""
    random = np.random.RandomState([of.seed, of.steps])
    seeds = list(of.held_out)
    which = torch.arange(len(seeds)) % of.count
    shifts = drawn_shifts(random, len(seeds), of.reach, of.least)
    named, missed = [], []
    starts = range(0, len(seeds), of.batch_size)
    for start in progress(starts, total=len(starts), what="testing the directions"):
        part = slice(start, start + of.batch_size)
        here, far = which[part].to(rows.device), shifts[part].to(rows.device)
        with torch.no_grad():
            logits, guessed = model.reconstructor(*pairs.moved(pairs.codes.of(seeds[part]), rows[here], far))
        named.append((logits.argmax(1) == here).double().cpu())
        missed.append((guessed - far).abs().double().cpu())
    right, error = torch.cat(named), torch.cat(missed)

    def means(numbers: Tensor) -> list[float]:
        return [float(numbers[which == i].mean()) for i in range(of.count)]

    return means(right), means(error)
