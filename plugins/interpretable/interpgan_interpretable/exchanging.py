"""The operator `interpretable.exchange`."""

from __future__ import annotations

from dataclasses import replace

from pydantic import StrictBool

from interpgan_core import Exchange, Generator, Grid, Input, LatentBatch, Operator
from interpgan_interpretable.maps import chosen
from interpgan_interpretable.pairing import as_many, woven


class ExchangeConcepts(Operator):
    """Draw concepts of the batch as other samples draw them: a mouth, eyes and mouth, a whole face.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022: the maps of a concept's filters
        are swapped in the target layer.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    concepts: tuple[str, ...] = ()
    """Their names; all when left out."""
    both: StrictBool = False
    """Both ways: each sample and its source in a row of its own, before and after."""

    def run(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Exchange.

        Raises:
            InterpganError: if the generator has no such concepts, or samples and sources cannot be paired.
        """
        import torch

        source = as_many(self.source, batch)
        if not self.both:
            return self._edited(batch, source, generator)
        after = self._edited(woven(generator, batch, source), woven(generator, source, batch), generator)
        rows = after.repeat(2)
        shown = torch.arange(len(rows)).remainder(2).float().view(-1, 1, 1, 1)
        new = len(chosen(generator, self.concepts))  # edits: one a layer
        edits = (
            *rows.edits[:-new],
            *(replace(edit, weight=edit.weight * shown) for edit in rows.edits[-new:]),
        )
        return replace(rows, edits=edits, grid=Grid(("before", "after"), origin=0))

    def _edited(self, batch: LatentBatch, source: LatentBatch, generator: Generator) -> LatentBatch:
        for layer, units in chosen(generator, self.concepts).items():
            step = Exchange(layer=layer, units=",".join(map(str, units)), source=source)
            batch = step.apply(batch, generator)
        return batch
