"""The operator `interpretable.exchange`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from interpgan_core import (
    Direction,
    Exchange,
    FeatureEdit,
    Generator,
    Grid,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Place,
    SourceEdit,
)
from interpgan_interpretable.homes import NARROW, shares, soft
from interpgan_interpretable.layers import units_of

if TYPE_CHECKING:
    from torch import Tensor

Depth = Literal["filters", "shape", "texture", "everything"]
"""How much of a concept an exchange takes from the source."""


class ExchangeConcepts(Operator):
    """Draw concepts of the batch as in other samples: a mouth, eyes and mouth, a whole face.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022: the maps of a concept's filters
        are swapped in the target layer. All depths but that are this project's own.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    concepts: tuple[str, ...] = ()
    """Their names; all when left out."""
    depth: Depth = "filters"
    """filters: the maps of the concepts' own filters, as in the paper. Otherwise all maps of the layer, where the
    concepts are at home in one sample or the other; shape: in this layer alone; texture: in the first half of the
    layers from it on; everything: in all of them, colours and light too."""
    turn: Input[Direction] | None = None
    """First moves each source along this direction to where its sample is: with one of pose, both look the same way."""
    both: bool = False
    """Both ways: each sample and its source in a row of its own, before and after."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def run(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Exchange.

        Raises:
            InterpganError: if the generator has no such concepts, or if samples and sources cannot be paired.
        """
        import torch

        source = self.source.paired_with(batch)
        if not self.both:
            return self._edited(batch, source, generator)
        pairs, swapped = interleaved(generator, batch, source), interleaved(generator, source, batch)
        rows = self._edited(pairs, swapped, generator).repeat(2)
        is_after = torch.arange(len(rows)).remainder(2).float().view(-1, 1, 1, 1)
        new = len(rows.edits) - len(pairs.edits)
        edits = (
            *rows.edits[:-new],
            *(replace(edit, weight=edit.weight * is_after) for edit in rows.edits[-new:]),
        )
        return replace(rows, edits=edits, grid=Grid(("before", "after"), origin=0))

    def _edited(self, batch: LatentBatch, source: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        if self.turn is not None:
            source = turned(source, batch, self.turn, generator)
        for layer, units in units_of(generator, self.concepts).items():
            if self.depth == "filters":
                step = Exchange(layer=layer, units=",".join(map(str, units)), source=source)
                batch = step.apply(batch, generator)
            elif len(batch):
                here, there = (shares(generator, samples, layer, units) for samples in (batch, source))
                first, *rest = layers_of(generator, layer, self.depth)
                edits = [SourceEdit((first,), source, soft(torch.maximum(here, there)))]
                if rest:  # colours are the concept's alone, without a rim of what is around it in the source
                    edits.append(SourceEdit(tuple(rest), source, soft(there, NARROW)))
                batch = replace(batch, edits=(*batch.edits, *edits))
        return batch


def turned(source: LatentBatch, like: LatentBatch, direction: Direction, generator: Generator) -> LatentBatch:
    """Samples moved along a direction to the same distance from its plane as others.

    Args:
        source: n samples.
        like: as many.
        direction: of a space that both can go to.
        generator: of both.

    Returns:
        The source, in a space that takes the direction.

    Raises:
        InterpganError: if the direction is of another generator, or of no space that codes can go to.
    """
    here, there = (Place(direction=direction, distance=0.0).carried(x, generator) for x in (like, source))
    (samples, layers), (moved, _) = here, there
    wanted, now = (direction.distance(x.codes, x.space.mask(layers)).float() for x in (samples, moved))
    step = direction.step(moved.space, layers).to(moved.codes)
    return replace(moved, codes=moved.codes + (wanted - now).view(-1, *[1] * step.ndim) * step)


def layers_of(generator: Generator, layer: str, depth: Depth) -> tuple[str, ...]:
    """The layers in which an exchange takes the source's maps.

    Args:
        generator: that draws.
        layer: of the concepts' filters; of filters that were added behind a layer, it is that one that counts.
        depth: not "filters".

    Returns:
        Names, in forward order.
    """
    first = generator.added[layer].behind if layer in generator.added else layer
    rest = generator.own_layers[generator.own_layers.index(first) :]
    count = {"shape": 1, "texture": (len(rest) + 1) // 2, "everything": len(rest)}
    if depth not in count:
        raise InterpganError(f"an exchange of depth '{depth}' takes filters, not layers")
    return tuple(rest[: count[depth]])


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
    edits_of_a = tuple(_padded(edit, n, before=False) for edit in a.edits)
    edits_of_b = tuple(_padded(edit, n, before=True) for edit in b.edits)
    joined = replace(
        a,
        codes=torch.cat([a.codes, b.codes]),
        labels=both(a.labels, b.labels),
        seeds=both(a.seeds, b.seeds),
        edits=edits_of_a + edits_of_b,
        grid=None,
    )
    return joined[torch.arange(2 * n).view(2, n).T.flatten()]


def _padded(edit: FeatureEdit | SourceEdit, count: int, before: bool) -> FeatureEdit | SourceEdit:
    """An edit of `count` samples as one of as many more, before or after them, which it leaves unchanged."""
    import torch

    def rows(tensor: Tensor) -> Tensor:
        own = tensor.expand(count, *tensor.shape[1:])
        none = torch.zeros_like(own)
        return torch.cat([none, own] if before else [own, none])

    if isinstance(edit, SourceEdit):
        twice = edit.source[torch.arange(2 * count) % count]  # of the more it is not looked at
        return replace(edit, source=twice, weight=rows(edit.weight))
    return replace(edit, value=rows(edit.value), weight=rows(edit.weight))
