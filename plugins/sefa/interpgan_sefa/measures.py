"""How close each direction is to each attribute: its cosine with a boundary, or the change of a score along it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from interpgan_core import Direction, Generator, InterpganError, LatentBatch, Scorer, score_images

if TYPE_CHECKING:
    from torch import Tensor


def cosines(directions: Mapping[str, Direction], boundaries: Mapping[str, Direction]) -> Tensor:
    """(k, a) float64; the cosine of each direction with each boundary.

    Raises:
        InterpganError: if spaces, shapes or generators differ.
    """
    import torch

    for name, direction in directions.items():
        for attribute, boundary in boundaries.items():
            direction.check_comparable(boundary, name, attribute)
    left, right = (
        torch.stack([d.vector.flatten() / d.vector.norm() for d in some.values()])
        for some in (directions, boundaries)
    )
    return left @ right.T


def score_changes(
    shifted: Iterable[LatentBatch], batch: LatentBatch, generator: Generator, scorer: Scorer, batch_size: int
) -> Tensor:
    """(k, a) float64; the mean change of each score from a batch to each of k shifted copies of it.

    Raises:
        InterpganError: if the scorer returns another shape, or no sample has a score before and after a shift.
    """
    import torch

    def scores(of: LatentBatch) -> Tensor:
        parts = generator.iter_images(of, batch_size)
        return torch.cat([score_images(scorer, images).double() for images in parts])

    with torch.no_grad():
        before = scores(batch)
        changes = torch.stack([(scores(after) - before).nanmean(0) for after in shifted])
    for attribute, column in zip(scorer.names, changes.T, strict=True):
        if not column.isfinite().all():
            raise InterpganError(
                f"of {len(batch)} samples none has a score of '{attribute}' both before and after a shift, or some "
                "score is infinite; take more seeds, or a smaller strength"
            )
    return changes
