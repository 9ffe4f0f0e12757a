"""The training of `steerability.learn`, its calibration and its test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from interpgan_core import InterpganError, Progress, Ranges, Report, Table
from interpgan_core.plugin import Curve, TrainingCodes, minimise, remark, report_of_training
from interpgan_steerability.transforms import TRANSFORMS, Transform, TransformName, errors, estimated
from interpgan_steerability.ways import Straight, moved

TESTED = (-1.0, -0.5, 0.5, 1.0)
"""Times the reach: what is asked for in the test."""
_SEEN = 2.0  # times the reach: amounts that are looked for between two pictures
_TRIES = 5  # of the calibration
_CLOSE = 0.01  # share of what is asked for: so near, the calibration ends
_HOPELESS = 0.25  # where so small a share is seen, a longer move would show something else
_DIVERGED = 10.0  # picture error in training, as a share of that of not moving: no move learnt is so wrong
_FAR = 0.1  # a strength that differs by more is said
_FOLLOWS = 0.5  # picture error, as a share of that of not moving: above, it is said that the generator cannot


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `steerability.learn`."""

    steps: int
    rate: float
    batch_size: int
    held_out: Ranges
    seed: int


@dataclass(frozen=True, eq=False)
class Learning:
    """One transform.

    Args:
        codes: of the samples.
        name: of the transform.
        reach: the largest amount.
        settings: of the training.
    """

    codes: TrainingCodes
    name: TransformName
    reach: float
    settings: Settings

    @property
    def transform(self) -> Transform:
        return TRANSFORMS[self.name]

    def learn(self, way: Straight, file: Path, progress: Progress) -> Curve:
        """Train a way, in place."""
        of, draw = self.settings, self.codes.generator.images

        def losses(step: int) -> dict[str, Tensor]:
            random = np.random.RandomState([of.seed, step])
            batch = self.codes.drawn(random, of.batch_size)
            amounts = torch.from_numpy(random.uniform(-self.reach, self.reach, of.batch_size)).float()
            amounts = amounts.to(batch.codes.device)
            with torch.no_grad():
                before = draw(batch, len(batch))
                target = self.transform.make(before, amounts)
                still = errors(before, target).mean()
            after = draw(moved(self.codes, way, batch, amounts), len(batch))
            # Equation 2 with a mask; 1 = nothing moves.
            return {"loss": errors(after, target).mean() / still.clamp(min=1e-12)}

        return minimise(way, losses, of.steps, of.rate, file, f"learning {self.name}", progress)

    def measured(self, seeds: list[int], way: Straight, scale: float, amount: float) -> tuple[Tensor, float]:
        """What a move by an amount does to some samples.

        Args:
            seeds: of the samples.
            way: that was learnt.
            scale: how far along it an amount of 1 is.
            amount: that is asked for.

        Returns:
            (n,) float64 amounts that are seen between the pictures, and the picture error as a share of that of not
            moving.
        """
        seen, wrong, still = [], 0.0, 0.0
        for start in range(0, len(seeds), self.settings.batch_size):
            batch = self.codes.of(seeds[start : start + self.settings.batch_size])
            with torch.no_grad():
                there = moved(self.codes, way, batch, batch.codes.new_full([len(batch)], scale * amount))
                before, after = (self.codes.generator.images(b, len(b)) for b in (batch, there))
            target = self.transform.make(before, before.new_full([len(batch)], amount))
            seen.append(estimated(self.transform, before, after, _SEEN * self.reach))
            wrong += float(errors(after, target).sum())
            still += float(errors(before, target).sum())
        return torch.cat(seen).double().cpu(), wrong / max(still, 1e-12)

    def calibrated(self, way: Straight, seeds: list[int], progress: Progress) -> float:
        """How far along a way an amount of 1 is, as it is seen in the mean of moves by half of the reach, both ways.

        Of what is tried, that whose moves are seen nearest to what was asked for; 1, as was learnt, where the pictures
        hardly show them.
        """
        asked, scale, best = self.reach / 2, 1.0, (math.inf, 1.0)
        for _ in progress(range(_TRIES), total=_TRIES, what=f"calibrating {self.name}"):
            up, down = (self.measured(seeds, way, scale, sign * asked)[0].mean() for sign in (1, -1))
            seen = float(up - down) / 2
            best = min(best, (abs(seen / asked - 1), scale))
            if best[0] < _CLOSE or not seen > _HOPELESS * asked:
                break
            scale *= min(2.0, max(0.5, asked / seen))
        return best[1]


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt of a transform.

    Args:
        way: of codes.
        scale: how far along it an amount of 1 is.
        notes: of a direction or mover.
    """

    way: Straight
    scale: float
    notes: dict[str, str | float]


def learn(
    codes: TrainingCodes,
    ways: Mapping[TransformName, Straight],
    settings: Settings,
    folder: Path,
    scratch: Path,
    progress: Progress,
) -> tuple[dict[str, Learnt], Report]:
    """Learn, calibrate and test a way for each transform.

    Args:
        codes: of the samples.
        ways: transform -> where the training starts.
        settings: of the training.
        folder: for the curves.
        scratch: for the states of the trainings.
        progress: shows how far it is.

    Returns:
        Transform -> what was learnt, and the report.
    """
    held_out = list(settings.held_out)
    found, curves, rows = dict[str, Learnt](), dict[str, Curve](), []
    for name, way in ways.items():
        one, unit, reach = Learning(codes, name, way.reach, settings), TRANSFORMS[name].unit, way.reach
        curves[name] = one.learn(way.to(codes.generator.device), scratch / f"{name}.pt", progress)
        if curves[name][-1]["loss"] > _DIVERGED:
            raise InterpganError(f"learning to {name} diverged; give a smaller 'rate' than {settings.rate:g}")
        if not float(way.w.detach().norm()) > 0:
            raise InterpganError(
                f"pictures do not change with the codes, so that nothing can {name} them; take other layers"
            )
        scale = one.calibrated(way, list(codes.seeds[: len(held_out)]), progress)
        worst, shares = 0.0, []
        for amount in (times * reach for times in TESTED):
            seen, share = one.measured(held_out, way, scale, amount)
            worst = max(worst, abs(float(seen.mean()) / amount - 1))
            shares.append(share)
            rows.append((name, unit, amount, float(seen.mean()), float(seen.std()), share))
        share = sum(shares) / len(shares)
        if share > _FOLLOWS or worst > _FAR:
            remark(
                f"this generator follows {name} in part: of moves up to {reach:g} the picture error is {share:.0%} of "
                f"that of not moving, and what is seen differs from the strength by {worst:.0%} at most"
            )
        found[name] = Learnt(way, scale, {"unit": unit, "reach": reach, "picture_error": share})
    columns = ("transform", "unit", "asked", "seen, mean", "standard deviation", "picture error")
    note = (
        f"Of {len(held_out)} held-out samples. Asked: the strength in unit: score. Seen: the amount whose transform of "
        "the unmoved picture is nearest to the moved one. Picture error: mean squared, where the target is known, as a "
        "share of that of not moving."
    )
    table = Table("What was asked for and what is seen", columns, tuple(rows), note)
    return found, report_of_training(folder, curves, (table,), ())
