"""The operator `interpretable.exchange`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import StrictBool

from interpgan_core import Exchange, FeatureEdit, Generator, Grid, Input, LatentBatch, Operator
from interpgan_interpretable.layers import maps_of, units_of

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_interpretable.training.energy_model import EnergyModel

WINDOW = 3  # positions: a region is found from activations averaged over squares of this side


class ExchangeConcepts(Operator):
    """Draw concepts of the batch as in other samples: a mouth, eyes and mouth, a whole face.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022: the maps of a concept's filters
        are swapped in the target layer.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    concepts: tuple[str, ...] = ()
    """Their names; all when left out."""
    region: StrictBool = False
    """Take all filters of the layer from the source, not the concepts' alone, where the concepts are the most active
    in one sample or the other: a collage inside an outline that the layer itself finds. For generators that
    `interpretable.train` made. Not in the paper."""
    both: StrictBool = False
    """Both ways: each sample and its source in a row of its own, before and after."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def run(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Exchange.

        Raises:
            InterpganError: if the generator has no such concepts, or no energy model for a region, or if samples and
                sources cannot be paired.
        """
        import torch

        source = self.source.paired_with(batch)
        if not self.both:
            return self._edited(batch, source, generator)
        pairs, swapped = interleaved(generator, batch, source), interleaved(generator, source, batch)
        rows = self._edited(pairs, swapped, generator).repeat(2)
        is_after = torch.arange(len(rows)).remainder(2).float().view(-1, 1, 1, 1)
        new = len(units_of(generator, self.concepts))  # edits: one a layer
        edits = (
            *rows.edits[:-new],
            *(replace(edit, weight=edit.weight * is_after) for edit in rows.edits[-new:]),
        )
        return replace(rows, edits=edits, grid=Grid(("before", "after"), origin=0))

    def _edited(self, batch: LatentBatch, source: LatentBatch, generator: Generator) -> LatentBatch:
        for layer, units in units_of(generator, self.concepts).items():
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
    own, other = (maps_of(generator, samples, layer) for samples in (batch, source))
    every = tuple(range(own.shape[1]))
    edit = FeatureEdit(layer, every, other, exchange_mask(own, other, units, model))
    return replace(batch, edits=(*batch.edits, edit))


def exchange_mask(own: Tensor, other: Tensor, units: Sequence[int], model: EnergyModel | None) -> Tensor:
    """Where an exchange takes a sample's maps from the other sample.

    Args:
        own, other: (n, m, h, w); the maps of both, none below 0.
        units: filters of the concepts.
        model: finds the region where the concepts are the most active, if all filters are taken there; otherwise None.

    Returns:
        (n, m, h, w) float32; 1 where maps come from the other sample, 0 elsewhere.
    """
    import torch

    mask = torch.zeros_like(own, dtype=torch.float32)
    mask[:, list(units)] = 1.0
    if model is not None:
        is_theirs = model.members[list(units)].any(0)
        here, there = (is_theirs[model.strongest_group(maps.float(), WINDOW)] for maps in (own, other))
        mask = torch.maximum(mask, (here | there)[:, None].to(mask))
    return mask


def interleaved(generator: Generator, a: LatentBatch, b: LatentBatch) -> LatentBatch:
    """a0 b0 a1 b1 …, with the edits that each had; codes are carried to the later space of the two.

    Args:
        generator: of both.
        a, b: n samples each.

    Returns:
        2n samples; without seeds where one of the two has none.
    """
    import torch

    space = max(a.space.name, b.space.name, key=list(generator.spaces).index)
    a, b = generator.to_space(a, space), generator.to_space(b, space)

    def both(left: Tensor | None, right: Tensor | None) -> Tensor | None:
        return None if left is None or right is None else torch.cat([left, right])

    n = len(a)
    edits_of_a = tuple(_padded(edit, n, before=0, after=n) for edit in a.edits)
    edits_of_b = tuple(_padded(edit, n, before=n, after=0) for edit in b.edits)
    joined = replace(
        a,
        codes=torch.cat([a.codes, b.codes]),
        labels=both(a.labels, b.labels),
        seeds=both(a.seeds, b.seeds),
        edits=edits_of_a + edits_of_b,
        grid=None,
    )
    return joined[torch.arange(2 * n).view(2, n).T.flatten()]


def _padded(edit: FeatureEdit, count: int, before: int, after: int) -> FeatureEdit:
    """An edit of `count` samples as one of more samples, which leaves those before and after unchanged."""
    import torch

    def rows(tensor: Tensor) -> Tensor:
        own = tensor.expand(count, *tensor.shape[1:])
        first, last = (tensor.new_zeros(extra, *tensor.shape[1:]) for extra in (before, after))
        return torch.cat([first, own, last])

    return replace(edit, value=rows(edit.value), weight=rows(edit.weight))
