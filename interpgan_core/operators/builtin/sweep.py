"""The step `sweep`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.generators.movers import Mover, MoverSet
from interpgan_core.generators.ranges import Layers
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.builtin.walk import Strengths, Walk
from interpgan_core.operators.fields import Input


class Sweep(EditOperator):
    """Every sample along several directions, in several ranges of layers: a row each, a column a strength.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Sweep
        >>> from interpgan_core.testing import toy
        >>> generator, first = toy(), Direction(torch.eye(16)[0], "w")
        >>> sweep = Sweep(directions={"first": first}, layers=("0-1", "2-3"), strengths=(-2, 2))
        >>> swept = sweep.run(generator.sample([7]), generator)
        >>> swept.grid.rows, swept.grid.columns
        (('first, layers 0-1', 'first, layers 2-3'), ('-2', '+2'))
    """

    directions: Input[MoverSet] | Annotated[dict[str, Input[Mover]], Field(min_length=1)]
    """A set of directions or other movers, or some by the names that their rows shall have."""
    strengths: Strengths = (-3.0, 0.0, 3.0)
    """A list, or first:last:step, both ends included: "-6:6:0.5"."""
    layers: Annotated[tuple[Layers, ...], Field(min_length=1)] | Layers | None = None
    """Ranges of layers, a row each; one for all; each direction's own when left out."""
    unit: Literal["space", "sigma", "score"] = "space"
    """As that of `walk`."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        several = self.layers if isinstance(self.layers, tuple) else (self.layers,)
        walks = {
            _name(name, layers if len(several) > 1 else None): Walk(
                direction=direction, strengths=self.strengths, layers=layers, unit=self.unit
            ).run(batch, generator)
            for name, direction in self.directions.items()
            for layers in several
        }
        order = list(generator.spaces)
        space = max((walk.space.name for walk in walks.values()), key=order.index)
        rows = [generator.to_space(walk, space) for walk in walks.values()]
        before = batch.grid or Grid(("",))
        shown = len(before.columns)
        copies = torch.arange(len(batch)).view(-1, 1, shown, 1)
        copies = copies.expand(-1, len(rows), -1, len(self.strengths)).flatten()
        width = shown * len(self.strengths)
        codes = torch.stack([row.codes.unflatten(0, (-1, width)) for row in rows], 1).flatten(0, 2)
        grid = rows[0].grid
        assert grid
        names = tuple(f"{a}, {b}" if a else b for a in before.rows or ("",) for b in walks)
        return replace(generator.to_space(batch, space)[copies], codes=codes, grid=replace(grid, rows=names))


def _name(direction: str, layers: str | None) -> str:
    """What a row is called."""
    name = f"direction {direction}" if direction.isdecimal() else direction
    return name if layers is None else f"{name}, layers {layers}"
