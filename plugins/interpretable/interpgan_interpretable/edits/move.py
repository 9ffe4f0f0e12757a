"""The operator `interpretable.move`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import EditOperator, FeatureEdit, Generator, LatentBatch
from interpgan_interpretable.layers import maps_of, units_by_layer

if TYPE_CHECKING:
    from torch import Tensor

Share = Annotated[float, Field(ge=-1, le=1, strict=True)]


class MoveConcepts(EditOperator):
    """Move what concepts draw to another place in the picture.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, "moving part" of table 1. Its text
        does not say what comes in at the edge: here the values at the edge are repeated.
    """

    concepts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their names."""
    down: Share = 0.0
    """As a share of the picture's height; below 0 it goes up."""
    right: Share = 0.0
    """As a share of its width; below 0 it goes left."""

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if the generator has no such concepts."""
        import torch

        wanted = units_by_layer(generator, self.concepts)
        if not len(batch):
            return batch
        edits = batch.edits
        for layer, units in wanted.items():
            maps = maps_of(generator, replace(batch, edits=edits), layer)[:, list(units)]
            edits = (
                *edits,
                FeatureEdit(layer, units, shifted(maps, self.down, self.right), torch.ones(1, 1, 1, 1)),
            )
        return replace(batch, edits=edits)


def shifted(maps: Tensor, down: float, right: float) -> Tensor:
    """Maps moved by shares of their height and width, between positions by linear interpolation.

    Args:
        maps: (n, c, h, w) float32.
        down, right: from -1 to 1.

    Returns:
        (n, c, h, w); what comes in at an edge repeats it.
    """
    import torch
    from torch.nn import functional

    way = torch.tensor([[1.0, 0.0, -2 * right], [0.0, 1.0, -2 * down]], device=maps.device)
    grid = functional.affine_grid(way.expand(len(maps), 2, 3), list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
