"""How much each direction has of each attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from interpgan_core import Direction, Generator, InterpganError, LatentBatch, Scorer

if TYPE_CHECKING:
    from torch import Tensor


def cosines(directions: Mapping[str, Direction], boundaries: Mapping[str, Direction]) -> Tensor:
    """(k, a) float64; the cosine of each direction with each boundary.

    Raises:
        InterpganError: if spaces, shapes or generators differ.
    """
    import torch

    for name, one in directions.items():
        for attribute, other in boundaries.items():
            if one.space != other.space or one.vector.shape != other.vector.shape:
                raise InterpganError(
                    f"direction '{name}' lives in {one.space} {tuple(one.vector.shape)} and the boundary "
                    f"'{attribute}' in {other.space} {tuple(other.vector.shape)}, where no cosine tells anything; find "
                    "both in the same space, or name by a scorer"
                )
            if one.generator and other.generator and one.generator != other.generator:
                raise InterpganError(
                    f"direction '{name}' was found on the generator {one.generator} and the boundary "
                    f"'{attribute}' on {other.generator}; find both on the same generator"
                )
    ours, theirs = (
        torch.stack([d.vector.flatten() / d.vector.norm() for d in some.values()])
        for some in (directions, boundaries)
    )
    return ours @ theirs.T


def changes(
    moved: Iterable[LatentBatch], batch: LatentBatch, generator: Generator, scorer: Scorer, batch_size: int
) -> Tensor:
    """(k, a) float64; how much each score changes from a batch to each of its k moved ones, on average.

    Raises:
        InterpganError: if the scorer's answer has another shape, or no sample has a score on both sides.
    """
    import torch

    def scores(of: LatentBatch) -> Tensor:
        parts = []
        for pictures in generator.iter_images(of, batch_size):
            found = scorer(pictures).double().cpu()
            if tuple(found.shape) != (len(pictures), len(scorer.names)):
                raise InterpganError(
                    f"the scorer has {len(scorer.names)} attributes and returned scores of shape "
                    f"{tuple(found.shape)} for {len(pictures)} pictures"
                )
            parts.append(found)
        return torch.cat(parts)

    with torch.no_grad():
        before = scores(batch)
        found = torch.stack([(scores(after) - before).nanmean(0) for after in moved])
    for attribute, column in zip(scorer.names, found.T, strict=True):
        if not column.isfinite().all():
            raise InterpganError(
                f"of {len(batch)} samples none has a score of '{attribute}' both before and after a move, or some "
                "score is infinite; take more seeds, or a smaller strength"
            )
    return found
