"""Bent ways as movers, with the report of their training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core import LearnedMover, MoverSet, Report

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_steerability.ways import Bent


@dataclass(frozen=True, eq=False, kw_only=True)
class WalkingMover(LearnedMover):
    """Moves codes as a transform moves their pictures; the strength is in its unit, which the notes say.

    Args:
        weights: of the way.
        deviation: standard deviation of the codes.
        reach: the amount that it was learnt for.
        scale: how far along the way a strength of 1 is.
    """

    made_by = "steerability.walk"

    weights: Mapping[str, Tensor]
    deviation: float
    reach: float
    scale: float

    @cached_property
    def way(self) -> Bent:
        """The network."""
        from interpgan_steerability.ways import Bent

        width, size = self.weights["inner.weight"].shape
        way = Bent(size, self.deviation, self.reach, width, 0)
        way.load_state_dict(dict(self.weights))
        return way.eval().requires_grad_(False)

    def ahead(self, codes: Tensor, strengths: Tensor) -> Tensor:
        moved: Tensor = self.way(codes, self.scale * strengths)
        return moved


class Walks(MoverSet[WalkingMover]):
    """A way for each transform, and the report of their training.

    Args:
        movers: transform -> way.
        report: its pictures lie in the step's folder.
    """

    mover = WalkingMover

    def __init__(self, movers: Mapping[str, WalkingMover], report: Report | None = None) -> None:
        super().__init__(movers)
        self.report = report or Report()

    def save(self, folder: Path) -> None:
        """Write `movers.safetensors` and `report.json` into the folder."""
        super().save(folder)
        self.report.save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls(super().load(folder, generator), Report.load(folder))

    def summary(self) -> Report:
        """The report."""
        return self.report
