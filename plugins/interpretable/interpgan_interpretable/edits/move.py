"""The operator `interpretable.move`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import EditOperator, FeatureEdit, Generator, InterpganError, LatentBatch
from interpgan_interpretable.edits.exchange import Depth, layers_of
from interpgan_interpretable.homes import HALF, grown, shares
from interpgan_interpretable.layers import all_maps_of, maps_of, units_of

if TYPE_CHECKING:
    from torch import Tensor

Offset = Annotated[float, Field(ge=-1, le=1)]
Scale = Annotated[float, Field(ge=0.25, le=4)]
FARTHEST = 5  # times the side of the window doubles until every hole is filled from around it


class MoveConcepts(EditOperator):
    """Move what concepts draw to another place in the picture, or draw it smaller or larger.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, "moving part" of table 1. Its text
        does not say how maps are padded: here the values at the edge are repeated. All depths but "filters" are this
        project's own.
    """

    concepts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their names."""
    down: Offset = 0.0
    """As a share of the picture's height; upwards below 0."""
    right: Offset = 0.0
    """As a share of its width; to the left below 0."""
    scale: Scale = 1.0
    """How many times as large, about the middle of where the concepts are; not with depth: filters."""
    depth: Depth = "filters"
    """filters: the maps of the concepts' own filters move, as in the paper. Otherwise all maps, where the concepts are
    at home, and what was behind them is filled from around; in which layers, as of `interpretable.exchange`."""

    @model_validator(mode="after")
    def _of_homes(self) -> Self:
        if self.depth == "filters" and self.scale != 1:
            raise InterpganError("filters are moved, not scaled; with a scale, give a depth, such as texture")
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if the generator has no such concepts."""
        import torch

        layers = units_of(generator, self.concepts)
        if not len(batch):
            return batch
        for layer, units in layers.items():
            if self.depth == "filters":
                maps = maps_of(generator, batch, layer)[:, list(units)]
                moved = shifted(maps, self.down, self.right)
                edits: Sequence[FeatureEdit] = [FeatureEdit(layer, units, moved, torch.ones(1, 1, 1, 1))]
            else:
                home = shares(generator, batch, layer, units)
                own = all_maps_of(generator, batch, layers_of(generator, layer, self.depth))
                edits = [self._moved(name, maps, home) for name, maps in own.items()]
            batch = replace(batch, edits=(*batch.edits, *edits))
        return batch

    def _moved(self, layer: str, maps: Tensor, home: Tensor) -> FeatureEdit:
        """All maps (n, c, h, w) of a layer, with what is at home elsewhere; home: (n, 1, h', w') shares."""
        import torch
        from torch.nn import functional

        old = functional.interpolate(grown(home), size=maps.shape[2:], mode="bilinear", align_corners=False)
        there = torch.cat([maps, old], 1)
        moved = placed(there, middles(home > HALF), self.down, self.right, self.scale)
        found, new = moved[:, :-1], moved[:, -1:]
        hole = (old - new).clamp(min=0)  # of what does not move, nothing changes
        without = torch.lerp(maps, filled(maps, old), hole)
        value = torch.lerp(without, found, new)
        return FeatureEdit(layer, tuple(range(maps.shape[1])), value, (torch.maximum(old, new) > 0).to(maps))


def shifted(maps: Tensor, down: float, right: float) -> Tensor:
    """Maps moved by shares of their height and width, between positions by linear interpolation.

    Args:
        maps: (n, c, h, w) float32.
        down, right: from -1 to 1.

    Returns:
        (n, c, h, w); the values at an edge are repeated beyond it.
    """
    return placed(maps, maps.new_zeros(len(maps), 2), down, right, 1.0)


def placed(maps: Tensor, middles: Tensor, down: float, right: float, scale: float) -> Tensor:
    """Maps scaled about a point, and moved, between positions by linear interpolation.

    Args:
        maps: (n, c, h, w) float32.
        middles: (n, 2), right and down, from -1 to 1: the points that scaling leaves where they are.
        down, right: shares of the height and width.
        scale: above 1 makes larger.

    Returns:
        (n, c, h, w); the values at an edge are repeated beyond it.
    """
    import torch
    from torch.nn import functional

    transform = maps.new_zeros(len(maps), 2, 3)
    transform[:, 0, 0] = transform[:, 1, 1] = 1 / scale
    move = 2 * torch.tensor([right, down], device=maps.device)
    transform[:, :, 2] = middles - (middles + move) / scale
    grid = functional.affine_grid(transform, list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def middles(home: Tensor) -> Tensor:
    """The middle of each home, (n, 1, h, w) bool -> (n, 2), right and down, from -1 to 1; 0 where there is none."""
    import torch

    height, width = home.shape[2:]
    y, x = (torch.linspace(-1 + 1 / n, 1 - 1 / n, n, device=home.device) for n in (height, width))
    inside = home[:, 0].float()
    total = inside.sum((1, 2)).clamp(min=1)
    return torch.stack([(inside.sum(1) * x).sum(1), (inside.sum(2) * y).sum(1)], 1) / total[:, None]


def filled(maps: Tensor, holes: Tensor) -> Tensor:
    """What may be behind holes: means over what is around them, the nearer the better.

    Args:
        maps: (n, c, h, w).
        holes: (n, 1, h, w) from 0 to 1.

    Returns:
        (n, c, h, w); the maps themselves where there is no hole.
    """
    import torch
    from torch.nn import functional

    known = (holes <= 0).to(maps)
    found = maps * known
    for power in range(1, FARTHEST + 1):
        sums, weights = (averaged(x, 2**power + 1) for x in (found * known, known))
        new = (known == 0) & (weights > 0)
        found = torch.where(new, sums / weights.clamp(min=1e-12), found)
        known = known.maximum(new.to(known))
    return functional.avg_pool2d(found, 3, 1, 1, count_include_pad=False).where(holes > 0, maps)


def averaged(maps: Tensor, side: int) -> Tensor:
    """Means over squares, along one axis and then the other, which is quicker.

    Args:
        maps: (n, c, h, w).
        side: of the squares, an odd number of positions.

    Returns:
        (n, c, h, w); maps are 0 beyond their edges.
    """
    from torch.nn import functional

    down = functional.avg_pool2d(maps, (side, 1), 1, (side // 2, 0))
    return functional.avg_pool2d(down, (1, side), 1, (0, side // 2))
