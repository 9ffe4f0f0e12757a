"""The training of `hessian.basis`, and its test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from interpgan_core import Direction, InterpganError, LatentBatch, Progress, Ranges, Table
from interpgan_core.plugin import LearnedDirections, TrainingCodes, minimise, remark, report_of_training
from interpgan_hessian.penalty import Rotation, hessian_penalty

_TEST_MOVES = 8  # random moves of a held-out sample
_PICTURE = "picture"


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `hessian.basis`."""

    count: int
    outputs: tuple[str, ...]
    reduction: Literal["max", "mean"]
    moves: int
    epsilon: float
    steps: int
    rate: float
    batch_size: int
    held_out: Ranges
    seed: int


@dataclass(frozen=True, eq=False)
class Hessian:
    """The penalty of samples of a generator.

    Args:
        codes: of the samples.
        of: how it is taken.
        unit: standard deviation of the codes.
    """

    codes: TrainingCodes
    of: Settings
    unit: float

    def penalty(self, batch: LatentBatch, basis: Tensor, random: np.random.RandomState, moves: int) -> Tensor:
        """(n,) of n samples."""
        signs = torch.from_numpy(random.choice([-1.0, 1.0], (moves, len(batch), len(basis)))).float()
        # Derivatives by codes in standard deviations, so that one penalty compares with another's space.
        return hessian_penalty(
            lambda offsets: self.drawn(batch, self.unit * offsets),
            basis,
            signs.to(basis.device),
            self.of.epsilon,
            self.of.reduction,
        )

    def drawn(self, batch: LatentBatch, offsets: Tensor) -> list[Tensor]:
        """Outputs (m, n, …) of n samples with offsets (m, n, d)."""
        moves, count = offsets.shape[:2]
        rows = batch[torch.arange(count).repeat(moves)]
        rows = self.codes.moved(rows, offsets.flatten(0, 1))
        generator, maps = self.codes.generator, [name for name in self.of.outputs if name != _PICTURE]
        found = list(generator.features(rows, maps).values()) if maps else []
        if _PICTURE in self.of.outputs:
            found.append(generator.images(rows, len(rows)))
        return [output.unflatten(0, (moves, count)) for output in found]


def learn(
    codes: TrainingCodes, of: Settings, folder: Path, scratch: Path, progress: Progress
) -> LearnedDirections:
    """Learn the basis, and test it on other samples.

    Args:
        codes: of the samples.
        of: how to train.
        folder: for the curve.
        scratch: for the state of the training.
        progress: shows how far it is.

    Raises:
        InterpganError: if outputs are linear in the codes, so that nothing mixes.
    """
    hessian = Hessian(codes, of, codes.spread())
    rotation = Rotation(codes.space.shape[0], of.count, of.seed).to(codes.generator.device)
    held_out = list(of.held_out)

    def tested() -> float:
        """The mean penalty of held-out samples, always with the same moves."""
        random = np.random.RandomState([of.seed, of.steps])
        with torch.no_grad():
            basis = rotation()
            found = [
                hessian.penalty(codes.of([seed]), basis, random, _TEST_MOVES)
                for seed in progress(held_out, total=len(held_out), what="taking Hessian penalties")
            ]
        return float(torch.cat(found).mean())

    before = tested()
    if not before > 0:
        raise InterpganError(
            "nothing of these outputs bends with the codes, so that any basis is as good; take other outputs or layers"
        )

    def losses(step: int) -> dict[str, Tensor]:
        random = np.random.RandomState([of.seed, step])
        batch = codes.drawn(random, of.batch_size)
        # As a share of the penalty of the random rotation, which is another for every generator and output.
        return {"loss": hessian.penalty(batch, rotation(), random, of.moves).mean() / before}

    what = f"learning a basis of {of.count} directions"
    curve = minimise(rotation, losses, of.steps, of.rate, scratch / "state.pt", what, progress)
    after = tested()
    with torch.no_grad():
        basis = rotation()
    changes = _changes(hessian, basis, held_out, progress)
    order = sorted(range(of.count), key=lambda i: (-changes[i], i))
    directions = {
        str(place): Direction(
            basis[i], codes.space.name, layers=codes.layers, generator=codes.generator.fingerprint,
            notes={"change": changes[i]},
        )
        for place, i in enumerate(order)
    }  # fmt: skip
    if after > before:
        remark(
            f"on held-out samples the Hessian penalty has grown from {before:.3g} to {after:.3g}: the basis is no "
            "better than the random one that it started from; give more 'steps', a smaller 'rate', or reduction: mean"
        )
    rows = (("a random rotation", before, 1.0), ("after the training", after, after / before))
    table = Table(
        "Hessian penalty of held-out samples",
        ("basis", "penalty", "share"),
        rows,
        f"Mean of {len(held_out)} samples; the {of.reduction} over the elements of {', '.join(of.outputs)}.",
    )
    ranked = Table(
        "Directions",
        ("direction", "change"),
        tuple((name, d.notes["change"]) for name, d in directions.items()),
        "Root mean square change of the picture's values, for a move by one standard deviation of the codes.",
    )
    return LearnedDirections(
        directions, report_of_training(folder, {"Hessian penalty": curve}, (table, ranked), ())
    )


def _changes(hessian: Hessian, basis: Tensor, seeds: list[int], progress: Progress) -> list[float]:
    """Of each direction: how much pictures change with it."""
    codes, size, total = hessian.codes, 4 * hessian.of.batch_size, basis.new_zeros(len(basis)).double()
    for seed in progress(seeds, total=len(seeds), what="measuring what directions change"):
        batch = codes.of([seed])
        with torch.no_grad():
            still = codes.generator.images(batch)
            for start in range(0, len(basis), size):
                rows = basis[start : start + size]
                moved = codes.moved(batch.repeat(len(rows)), hessian.unit * rows)
                images = codes.generator.images(moved, len(rows))
                total[start : start + size] += (images - still).double().square().flatten(1).mean(1)
    return [float(one) for one in (total / len(seeds)).sqrt()]
