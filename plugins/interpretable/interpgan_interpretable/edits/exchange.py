"""The operator `interpretable.exchange`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import StrictBool

from interpgan_core import Exchange, FeatureEdit, Generator, Grid, Input, LatentBatch, Operator
from interpgan_interpretable.edits.pairs import interleaved
from interpgan_interpretable.layers import maps_of, units_by_layer

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_interpretable.training.energy_model import EnergyModel

ACROSS = 3  # positions that answers are averaged over where a region is sought


class ExchangeConcepts(Operator):
    """Draw concepts of the batch as other samples draw them: a mouth, eyes and mouth, a whole face.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022: the maps of a concept's filters
        are swapped in the target layer.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    concepts: tuple[str, ...] = ()
    """Their names; all when left out."""
    region: StrictBool = False
    """Where they answer most, in one sample or the other, take over all filters of the layer, not theirs alone: a
    collage inside an outline that the layer itself finds. For generators that `interpretable.train` made. Not in the
    paper."""
    both: StrictBool = False
    """Both ways: each sample and its source in a row of its own, before and after."""

    def run(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Exchange.

        Raises:
            InterpganError: if the generator has no such concepts, or for a region no energy model, or if samples and
                sources cannot be paired.
        """
        import torch

        source = self.source.paired_with(batch)
        if not self.both:
            return self._edited(batch, source, generator)
        after = self._edited(
            interleaved(generator, batch, source), interleaved(generator, source, batch), generator
        )
        rows = after.repeat(2)
        shown = torch.arange(len(rows)).remainder(2).float().view(-1, 1, 1, 1)
        new = len(units_by_layer(generator, self.concepts))  # edits: one a layer
        edits = (
            *rows.edits[:-new],
            *(replace(edit, weight=edit.weight * shown) for edit in rows.edits[-new:]),
        )
        return replace(rows, edits=edits, grid=Grid(("before", "after"), origin=0))

    def _edited(self, batch: LatentBatch, source: LatentBatch, generator: Generator) -> LatentBatch:
        for layer, units in units_by_layer(generator, self.concepts).items():
            if self.region:
                batch = _with_region(batch, source, generator, layer, units)
            else:
                step = Exchange(layer=layer, units=",".join(map(str, units)), source=source)
                batch = step.apply(batch, generator)
        return batch


def _with_region(
    batch: LatentBatch, source: LatentBatch, generator: Generator, layer: str, units: Sequence[int]
) -> LatentBatch:
    from interpgan_interpretable.training.energy_model import EnergyModel

    model = EnergyModel.of(generator)
    if not len(batch):
        return batch
    own, theirs = (maps_of(generator, samples, layer) for samples in (batch, source))
    every = tuple(range(own.shape[1]))
    edit = FeatureEdit(layer, every, theirs, taken_over(own, theirs, units, model))
    return replace(batch, edits=(*batch.edits, edit))


def taken_over(own: Tensor, theirs: Tensor, units: Sequence[int], model: EnergyModel | None) -> Tensor:
    """What of a sample's maps is another's after an exchange.

    Args:
        own, theirs: (n, m, h, w); the maps of both, none below 0.
        units: filters of the concepts.
        model: knows where the concepts answer most, if all filters are taken over there; otherwise None.

    Returns:
        (n, m, h, w) float32; 1 where it is the other's, 0 elsewhere.
    """
    import torch

    taken = torch.zeros_like(own, dtype=torch.float32)
    taken[:, list(units)] = 1.0
    if model is not None:
        groups = model.belongs[list(units)].any(0)
        here, there = (groups[model.home(maps.float(), ACROSS)] for maps in (own, theirs))
        taken = torch.maximum(taken, (here | there)[:, None].to(taken))
    return taken
