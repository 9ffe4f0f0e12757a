"""The operator `dissection`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Seeds,
    Segmenter,
    check_batch_size,
    parts_of,
)
from interpgan_dissection.dissection import Dissection, fractions
from interpgan_dissection.show import show
from interpgan_dissection.tally import Scale, Tally
from interpgan_dissection.thresholds import Cut, cut_by_information, cut_by_quantile, quantiles

if TYPE_CHECKING:
    from torch import Tensor

LEARN = 64
"""Samples that tell between which levels units are."""


class Dissect(Operator):
    """Find which part each unit of a layer draws: where it is on, and where a segmenter finds the part.

    Samples pass once; memory does not grow with their number. A unit is on above one level: that at which it tells
    most of the part that it tells most of, or that which a share of all positions reaches. Without a segmenter, only
    what `dissection.rank` needs to rank units by a selection is found.

    Source: Bau et al., GAN Dissection, ICLR 2019, section 3.1. Deviations: levels are 2,048 a unit, evenly spaced, and
        every count at them is exact, where the original estimates quantiles; IoU and ratio are of one pass.
    """

    layer: str
    """Name of a synthesis layer."""
    segmenter: Input[Segmenter] | None = None
    """Finds the parts."""
    seeds: Seeds = "0-999"
    threshold: Literal["information", "quantile"] = "information"
    """information: a unit is on where it tells most of a part; quantile: at a share of all positions."""
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.005
    """That share, of threshold: quantile."""
    top: Annotated[int, Field(ge=1, le=100)] = 8
    """How many of the samples that answer most are kept of each unit, and shown."""
    shown: Annotated[int, Field(ge=0)] = 3
    """Units of each part that the report shows in pictures."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> Dissection:
        units, _, _ = maps_shape(generator, self.layer)
        check_batch_size(generator, self.batch_size, len(Ranges(self.seeds)))
        parts = () if self.segmenter is None else parts_of(self.segmenter)
        return Dissection.expected(self.layer, units, parts, generator)

    def run(self, generator: Generator, folder: Path, progress: Progress) -> Dissection:
        """Dissect.

        Raises:
            InterpganError: if there is no such layer, or its maps have one position.
        """
        import torch

        maps_shape(generator, self.layer)
        with torch.no_grad():
            tally = self._count(generator, progress)
            reached = tally.reached()
            cut = self._cut(tally.scale, reached)
            parts = () if self.segmenter is None else parts_of(self.segmenter)
            known = slice(None) if parts else slice(0)
            found = Dissection(
                self.layer,
                parts,
                generator.fingerprint,
                len(Ranges(self.seeds)),
                cut.levels,
                cut.fractions,
                cut.union[:, known],
                cut.best_union[:, known],
                cut.ratio[:, known],
                tally.means()[:, known],
                tally.mean_maps()[known],
                (reached[0, 0].double() / reached[0, 0].sum())[known],
                quantiles(tally.scale, reached, fractions()),
                tally.top_values,
                tally.top_seeds,
            )
            return replace(found, strips=show(found, generator, self.shown, folder, progress))

    def _cut(self, scale: Scale, reached: Tensor) -> Cut:
        if self.segmenter is None or self.threshold == "quantile":
            return cut_by_quantile(scale, reached, self.quantile)
        return cut_by_information(scale, reached)

    def _count(self, generator: Generator, progress: Progress) -> Tally:
        import torch

        seeds = Ranges(self.seeds)
        first = generator.stream(seeds[:LEARN], self.batch_size)
        scale = Scale.of(torch.cat([generator.features(b, [self.layer])[self.layer].float() for b in first]))
        tally = Tally(scale, 1 if self.segmenter is None else len(parts_of(self.segmenter)), self.top)
        for maps, labels, own in self._looked_at(generator, seeds, progress):
            tally.add(maps, labels, own)
        return tally

    def _looked_at(
        self, generator: Generator, seeds: Ranges, progress: Progress
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Maps, the part of each pixel, and seeds, batch by batch."""
        import torch

        batches = generator.stream(seeds, self.batch_size)
        what = f"dissecting {self.layer}, {len(seeds)} samples"
        for batch in progress(batches, total=-(-len(seeds) // self.batch_size), what=what):
            maps = generator.features(batch, [self.layer])[self.layer].float()
            if self.segmenter is None:
                labels = torch.zeros(len(maps), *maps.shape[2:], dtype=torch.int64, device=maps.device)
            else:
                labels = self.segmenter(generator.images(batch, self.batch_size)).to(maps.device)
            assert batch.seeds is not None
            yield maps, labels, batch.seeds


def maps_shape(generator: Generator, layer: str) -> tuple[int, int, int]:
    """Units, height and width of a layer's maps.

    Raises:
        InterpganError: if there is no such layer, or its maps have one position.
    """
    if not generator.layers:
        raise InterpganError("this generator names no layers, so it has no units to look at")
    generator.require_layer(layer)
    _, units, height, width = generator.features(generator.sample([0]), [layer])[layer].shape
    if height * width == 1:
        raise InterpganError(
            f"the maps of layer {layer} have one position, so its units are nowhere; choose a later layer"
        )
    return units, height, width
