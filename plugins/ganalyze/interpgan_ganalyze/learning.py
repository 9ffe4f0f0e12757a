"""The training of `ganalyze.learn`, its calibration and its test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from interpgan_core import Direction, InterpganError, Progress, Ranges, Scorer, Table, score_images
from interpgan_core.plugin import Curve, LearnedDirections, TrainingCodes, minimise, report_of_training

TESTED = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
"""Times the reach: what is asked for in the test; and a change by 1, where that is less."""
_CALIBRATED = 0.25  # times the reach: where the mean change is what was asked for
_TRIES = 6  # of the calibration
_CLOSE = 0.01  # share of what is asked for: so near, the calibration ends
_FAR = 0.1  # so far away, it has failed


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `ganalyze.learn`."""

    reach: float | None
    steps: int
    rate: float
    batch_size: int
    held_out: Ranges
    seed: int


class Slope(nn.Module):
    """θ of the paper: how far a code moves for a score of one more, in units of `unit`.

    Args:
        size: d, of a code.
        unit: in the units of the space.
    """

    def __init__(self, size: int, unit: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(size))
        self.unit = unit

    def forward(self, asked: Tensor) -> Tensor:
        """Args: asked: (n,) changes of the score. Returns: (n, d) offsets of the codes."""
        offsets: Tensor = asked[:, None] * self.theta * self.unit
        return offsets


@dataclass(frozen=True, eq=False)
class Learning:
    """One attribute.

    Args:
        codes: of the samples.
        scorer: of its pictures.
        attribute: of the scorer.
        settings: of the training.
    """

    codes: TrainingCodes
    scorer: Scorer
    attribute: str
    settings: Settings

    def score(self, images: Tensor) -> Tensor:
        """(n,) scores, with gradients."""
        found: Tensor = self.scorer(images)[:, self.scorer.names.index(self.attribute)]
        return found

    def errors(self, slope: Slope, seeds: list[int], asked: Tensor) -> Tensor:
        """(n,) errors of equation 2, before they are squared, each of its own sample alone."""
        batch = self.codes.of(seeds)
        asked = asked.to(batch.codes.device)
        with torch.no_grad():
            before = self.score(self.codes.generator.images(batch, len(batch)))
        moved = self.codes.moved(batch, slope(asked))
        after = self.score(self.codes.generator.images(moved, len(batch)))
        error: Tensor = after - before - asked.to(after)
        return error

    def learnt(self, unit: float, reach: float, file: Path, progress: Progress) -> tuple[Slope, Curve]:
        """θ after the training."""
        slope = Slope(self.codes.space.shape[0], unit / reach).to(self.codes.generator.device)
        of = self.settings

        def losses(step: int) -> dict[str, Tensor]:
            random = np.random.RandomState([of.seed, step])
            seeds = [
                self.codes.seeds[int(i)] for i in random.randint(0, len(self.codes.seeds), of.batch_size)
            ]
            asked = torch.from_numpy(random.uniform(-reach, reach, of.batch_size)).float()
            errors = self.errors(slope, seeds, asked)
            known = errors.isfinite()  # a scorer may find no face in a picture, and give no score
            if not known.any():
                raise InterpganError(
                    f"step {step}: none of {len(seeds)} samples has a score '{self.attribute}'; give a larger "
                    "'batch_size'"
                )
            # In units of what was asked for, so that the rate suits every scorer; 1 = nothing moves.
            return {"loss": errors[known].square().mean() / (reach**2 / 3)}

        what = f"learning {self.attribute}"
        return slope, minimise(slope, losses, of.steps, of.rate, file, what, progress)

    def scores(self, seeds: Sequence[int], offset: Tensor) -> Tensor:
        """(n,) float64 scores of samples whose codes are moved by an offset (d,)."""
        found = []
        for start in range(0, len(seeds), self.settings.batch_size):
            batch = self.codes.of(seeds[start : start + self.settings.batch_size])
            batch = self.codes.moved(batch, offset.expand(len(batch), -1))
            with torch.no_grad():
                images = self.codes.generator.images(batch, len(batch))
            found.append(score_images(self.scorer, images)[:, self.scorer.names.index(self.attribute)])
        return torch.cat(found).double()

    def calibrated(self, vector: Tensor, reach: float, before: Tensor, progress: Progress) -> Tensor:
        """An offset (d,) that changes the score by 1 in the mean, for changes of about a quarter of the reach.

        Args:
            vector: (d,) the one that was learnt.
            reach: that it was learnt for.
            before: (n,) scores of the first n samples to learn from.
            progress: shows the tries.

        Raises:
            InterpganError: if no length of it changes the score so far.
        """
        seeds = self.codes.seeds[: len(before)]
        asked, scale, gained = _CALIBRATED * reach, 1.0, 0.0
        for _ in progress(range(_TRIES), total=_TRIES, what=f"calibrating {self.attribute}"):
            up, down = (self.scores(seeds, sign * asked * scale * vector) for sign in (1, -1))
            gained = float(((up - before).nanmean() - (down - before).nanmean()) / 2)
            if abs(gained / asked - 1) < _CLOSE or not gained > 0:
                break
            scale *= min(2.0, max(0.5, asked / gained))
        if not abs(gained / asked - 1) < _FAR:
            raise InterpganError(
                f"asked to change the score '{self.attribute}' by {asked:.3g}, the direction changes it by "
                f"{gained:.3g} in the mean; give a smaller 'reach', or scores that do not end there, such as "
                "logits; or more 'steps'"
            )
        return scale * vector


def learn(
    codes: TrainingCodes,
    scorer: Scorer,
    names: Sequence[str],
    settings: Settings,
    folder: Path,
    scratch: Path,
    progress: Progress,
) -> LearnedDirections:
    """Learn, calibrate and test a direction for each attribute.

    Args:
        codes: of the samples.
        scorer: of its pictures.
        names: of the attributes.
        settings: of the training.
        folder: for the curves.
        scratch: for the states of the trainings.
        progress: shows how far it is.
    """
    unit = codes.spread()
    held_out = list(settings.held_out)
    nothing = torch.zeros(codes.space.shape[0], device=codes.generator.device)
    directions, curves, rows = {}, {}, []
    for name in names:
        one = Learning(codes, scorer, name, settings)
        before = one.scores(codes.seeds[: len(held_out)], nothing)
        reach = settings.reach or float(before[before.isfinite()].std())
        if not 0 < reach < float("inf"):
            raise InterpganError(
                f"the score '{name}' is the same, or missing, in {len(before)} samples; give 'reach', or other seeds"
            )
        slope, curves[name] = one.learnt(unit, reach, scratch / f"{name}.pt", progress)
        vector = slope.theta.detach() * slope.unit
        if not float(vector.norm()) > 0:
            raise InterpganError(
                f"the score '{name}' does not change with the codes; take other layers, or another space"
            )
        vector = one.calibrated(vector, reach, before, progress)
        start = one.scores(held_out, nothing)
        for asked in sorted([*(times * reach for times in TESTED), *((-1.0, 1.0) if reach > 1 else ())]):
            changes = one.scores(held_out, asked * vector) - start
            changes = changes[changes.isfinite()]
            rows.append((name, asked, float(changes.mean()), float(changes.std())))
        length = float(vector.norm())
        directions[name] = Direction(
            vector, codes.space.name, layers=codes.layers, generator=codes.generator.fingerprint,
            notes={"attribute": name, "score_per_unit": 1 / length, "reach": reach},
        )  # fmt: skip
    note = f"Of {len(held_out)} held-out samples. Asked: the strength in unit: score."
    table = Table(
        "Change of the score", ("attribute", "asked", "mean change", "standard deviation"), tuple(rows), note
    )
    return LearnedDirections(directions, report_of_training(folder, curves, (table,), ()))
