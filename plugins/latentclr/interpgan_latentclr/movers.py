"""What was learned: directions, or movers, and the curve of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from interpgan_core import Direction, DirectionSet, LearnedMover, MoverSet, Report, Table

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_latentclr.steps import Steps


def curve_table(curve: Sequence[Sequence[float]]) -> Table:
    """The loss, and how alike effects are, over the training."""
    columns = ("step", "loss", "alike: one way, two samples", "alike: two ways")
    note = "Alike: the mean absolute cosine of what they change in the layer."
    rows = tuple((int(step), loss, own, others) for step, loss, own, others in curve)
    return Table("Training", columns, rows, note)


class ContrastDirections(DirectionSet):
    """Directions, those first whose effects are most alike from sample to sample.

    Args:
        directions: name -> direction.
        tables: what else the report shows.
    """

    def __init__(self, directions: Mapping[str, Direction], tables: Sequence[Table] = ()) -> None:
        super().__init__(directions)
        self.tables = tuple(tables)

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors`, and the tables beside it."""
        super().save(folder)
        Report(tables=self.tables).save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls(DirectionSet.load(folder), Report.load(folder).tables)

    def summary(self) -> Report:
        """Their figures, and the curve."""
        return Report(tables=(*super().summary().tables, *self.tables))


@dataclass(frozen=True, eq=False, kw_only=True)
class ContrastMover(LearnedMover):
    """Goes from each code its own way, of length 1 for a strength of 1.

    Args:
        kind: linear or mlp.
        weights: of all ways, a row each.
        row: which of them is gone.
        curve: of the training.
    """

    made_by = "latentclr.conditional"

    kind: Literal["linear", "mlp"]
    weights: Mapping[str, Tensor]
    row: int
    curve: Sequence[Sequence[float]]

    @cached_property
    def steps(self) -> Steps:
        """This way alone."""
        import torch

        from interpgan_latentclr.steps import Steps

        own = {
            name: tensor[self.row : self.row + 1] if "." in name else tensor
            for name, tensor in self.weights.items()
        }
        with torch.random.fork_rng(devices=[]):
            steps = Steps(self.kind, 1, len(own["mean"]))
        steps.load_state_dict(own)
        return steps.eval().requires_grad_(False)

    def ahead(self, codes: Tensor, strengths: Tensor) -> Tensor:
        """A step of its length from each code."""
        ways: Tensor = self.steps(codes)
        return codes + strengths[:, None] * ways[0]


class ContrastMovers(MoverSet[ContrastMover]):
    """Movers, those first whose effects are most alike from sample to sample."""

    mover = ContrastMover

    def summary(self) -> Report:
        """Their figures, and the curve."""
        curve = getattr(next(iter(self.values()), None), "curve", ())
        return Report(tables=(*super().summary().tables, *((curve_table(curve),) if curve else ())))
