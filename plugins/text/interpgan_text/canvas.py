"""A sample with a region that other codes draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from interpgan_core import FeatureEdit, Generator, LatentBatch, SourceEdit

if TYPE_CHECKING:
    from torch import Tensor

_SAME = 1e-5  # of the size of the maps: rounding


class Canvas:
    """One sample, and a region of it that other codes draw.

    Both codes pass the layers before the first of `layers` apart. From there on they work on the same maps: a layer
    makes of them what it does with the sample's code, and what it does with the other code, and the two are blended by
    the share of each position that is in the region.

    Args:
        generator: that draws.
        sample: one, with its edits; these are of its own maps alone.
        mask: (1, 1, h, w) float32 from 0 to 1; the region in the picture.
        layers: names, in forward order.

    Source:
        Andonian et al., Paint by Word, 2021, figure 1: the generator split in space, inside and outside of the region.
    """

    def __init__(
        self, generator: Generator, sample: LatentBatch, mask: Tensor, layers: Sequence[str]
    ) -> None:
        self.generator, self.sample, self.mask, self.layers = generator, sample, mask, tuple(layers)

    def images(self, other: LatentBatch) -> Tensor:
        """Pictures of the sample, the region drawn by other codes; gradients flow to these.

        Args:
            other: n codes, of the sample's space or an earlier one.

        Returns:
            (n, 3, h, w) float32.
        """
        return self._drawn(other, {})

    def maps(self, other: LatentBatch) -> dict[str, tuple[Tensor, Tensor]]:
        """What the two codes make of each layer, before they are blended.

        Args:
            other: one code.

        Returns:
            layer -> (with the sample's code, with the other), (1, c, h, w) each. The second is the value of a
            `FeatureEdit` that draws the region as `images` does.
        """
        import torch

        seen: dict[str, list[Tensor]] = {name: [] for name in self.layers}
        with torch.no_grad():
            self._drawn(other, seen)
        return {name: (own, theirs) for name, (own, theirs) in seen.items()}

    def _drawn(self, other: LatentBatch, seen: Mapping[str, list[Tensor]]) -> Tensor:
        import torch

        count = len(other)
        own = self.sample.repeat(count)
        later = max(own.space.name, other.space.name, key=list(self.generator.spaces).index)
        halves = [self.generator.to_space(half, later) for half in (own, other)]
        edits = (
            *(_of_first_half(edit, count) for edit in self._edits_of(own)),
            *(_Blend(name, (), self.mask, self.mask, seen.get(name)) for name in self.layers),
        )
        both = replace(
            halves[0],
            codes=torch.cat([half.codes for half in halves]),
            labels=None if own.labels is None else own.labels.repeat(2, 1),
            seeds=None if own.seeds is None else own.seeds.repeat(2),
            edits=edits,
            grid=None,
        )
        return self.generator.images(both, 2 * count)[:count]

    def _edits_of(self, batch: LatentBatch) -> Iterator[FeatureEdit]:
        """A batch's edits, one a layer."""
        for edit in batch.edits:
            yield from edit.edits(self.generator) if isinstance(edit, SourceEdit) else (edit,)


@dataclass(frozen=True, eq=False)
class _Blend(FeatureEdit):
    """Of a batch whose second half has the other codes: both halves get the maps that are blended.

    Args:
        weight: (1, 1, h, w), the region in the picture.
        seen: gets the maps of both halves as they were.
    """

    seen: list[Tensor] | None = field(default=None)

    def apply(self, maps: Tensor) -> Tensor:
        import torch

        own, other = maps.chunk(2)
        if self.seen is not None:
            self.seen.extend((own, other))
        blended = own + mask_at(self.weight, maps.shape[2:]).to(maps) * (other - own)
        return torch.cat([blended, blended])

    def select(self, index: object, count: int) -> FeatureEdit:
        return self


def same(own: Tensor, other: Tensor) -> bool:
    """Are two maps alike but for rounding?"""
    return bool((other - own).abs().max() <= _SAME * own.abs().max())


def mask_at(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Args: mask: (n, 1, h, w); Returns: (n, 1, *size), the mean of each position."""
    from torch.nn import functional

    return functional.interpolate(mask, size=list(size), mode="area")


def _of_first_half(edit: FeatureEdit, count: int) -> FeatureEdit:
    """An edit of `count` samples as one of twice as many, which leaves the second half as it is."""
    import torch

    def rows(tensor: Tensor, fill: float) -> Tensor:
        own = tensor.expand(count, *tensor.shape[1:])
        return torch.cat([own, fill * own])

    return replace(edit, value=rows(edit.value, 1.0), weight=rows(edit.weight, 0.0))
