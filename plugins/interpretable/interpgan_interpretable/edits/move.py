"""The operator `interpretable.move`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import EditOperator, FeatureEdit, Generator, LatentBatch
from interpgan_interpretable.layers import maps_of, units_of

if TYPE_CHECKING:
    from torch import Tensor

Offset = Annotated[float, Field(ge=-1, le=1, strict=True)]


class MoveConcepts(EditOperator):
    """Move what concepts draw to another place in the picture.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, "moving part" of table 1. Its text
        does not say how maps are padded: here the values at the edge are repeated.
    """

    concepts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Their names."""
    down: Offset = 0.0
    """As a share of the picture's height; upwards below 0."""
    right: Offset = 0.0
    """As a share of its width; to the left below 0."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Raises: InterpganError: if the generator has no such concepts."""
        import torch

        layers = units_of(generator, self.concepts)
        if not len(batch):
            return batch
        for layer, units in layers.items():
            maps = maps_of(generator, batch, layer)[:, list(units)]
            edit = FeatureEdit(layer, units, shifted(maps, self.down, self.right), torch.ones(1, 1, 1, 1))
            batch = replace(batch, edits=(*batch.edits, edit))
        return batch


def shifted(maps: Tensor, down: float, right: float) -> Tensor:
    """Maps moved by shares of their height and width, between positions by linear interpolation.

    Args:
        maps: (n, c, h, w) float32.
        down, right: from -1 to 1.

    Returns:
        (n, c, h, w); the values at an edge are repeated beyond it.
    """
    import torch
    from torch.nn import functional

    transform = torch.tensor([[1.0, 0.0, -2 * right], [0.0, 1.0, -2 * down]], device=maps.device)
    grid = functional.affine_grid(transform.expand(len(maps), 2, 3), list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
