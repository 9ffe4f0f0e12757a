"""The operator `stylespace.parts`: which channels of S change one part of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Layers,
    Operator,
    Parts,
    Progress,
    Ranges,
    Report,
    Seeds,
    Segmenter,
    Table,
    check_parts,
    part_maps,
    parts_of,
)
from interpgan_stylespace.channels import Channels, channel, channel_names, expected, spread, style_space

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_stylespace.part_tally import PartTally

SPREAD_SEEDS = Ranges("0-1023")


class PartChannels(Channels):
    """Channels that change one part each, and the table of them by part."""

    def summary(self) -> Report:
        """One row a channel, the best of each part first."""
        rows = tuple(
            (
                d.notes["part"],
                name,
                *(d.notes[key] for key in ("first", "overlap", "inside", "outside", "sigma")),
            )
            for name, d in self.items()
        )
        note = (
            "First: the share of samples with the part in which the channel changes this part most, against chance. "
            "Overlap: how much of the part lies where the channel changes most. Inside, outside: root mean square "
            "change of a pixel, from -1 to 1, for one standard deviation (sigma) of the channel."
        )
        columns = ("part", "channel", "first", "overlap", "inside", "outside", "sigma")
        return Report(tables=(Table("Channels of each part", columns, rows, note),))


class RankByPart(Operator):
    """Find the channels of S that change one part of the pictures: a segmenter's parts against maps of change.

    A channel belongs to a part that it changes most in more than half of the samples, far more often than any other
    part. The best of a part stand first, by change inside against change outside.

    Source: Wu et al., StyleSpace Analysis, CVPR 2021, section 4. Deviations: maps of the change for one standard
        deviation of a channel, in place of gradients, which say nothing of how far a channel moves; the best of a
        part are ranked by the change inside against that outside.
    """

    segmenter: Input[Segmenter]
    """Finds the parts."""
    parts: Parts | None = None
    """Which; left out, all that the segmenter knows."""
    layers: Layers = "all"
    """Channels of these synthesis layers."""
    count: Annotated[int, Field(ge=1)] = 5
    """How many channels to keep of each part."""
    seeds: Seeds = "0-15"
    """The samples."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A channel is of a part that it changes most in more than this share of the samples that have the part, …"""
    gap: Annotated[float, Field(ge=0, le=1)] = 0.25
    """… if it changes no other part most in a share that comes as near as this."""
    side: Annotated[int, Field(ge=4)] = 32
    """Of the maps that are compared, in positions."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Pictures at once."""

    def check(self, generator: Generator) -> PartChannels:
        self._positions(generator)
        check_parts(self.segmenter, self._parts())
        return PartChannels(expected(generator, self._parts()))

    def _parts(self) -> tuple[str, ...]:
        return parts_of(self.segmenter) if self.parts is None else self.parts

    def _positions(self, generator: Generator) -> list[int]:
        mask = style_space(generator).mask(self.layers)
        found: list[int] = mask.nonzero().flatten().tolist()
        return found

    def run(self, generator: Generator, progress: Progress) -> PartChannels:
        from interpgan_stylespace.part_tally import PartTally

        space = style_space(generator)
        check_parts(self.segmenter, self._parts())
        _, deviation = spread(generator, SPREAD_SEEDS, progress)
        positions = [i for i in self._positions(generator) if deviation[i] > 0]
        if not positions:
            raise InterpganError(
                f"no channel of layers {self.layers} differs between samples; take other layers"
            )
        seeds = Ranges(self.seeds)
        tally = None
        what = f"moving {len(positions)} channels of {len(seeds)} samples"
        for sample in progress(generator.stream(seeds, 1, "s"), total=len(seeds), what=what):
            one = PartTally.of(*self._changes(sample, positions, deviation, generator))
            tally = one if tally is None else tally + one
        assert tally is not None
        return self._found(tally, positions, deviation, generator, channel_names(space))

    def _changes(
        self, sample: LatentBatch, positions: Sequence[int], deviation: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """(d, side, side) squared changes, and (all parts, side, side) shares of the parts."""
        import torch
        from torch.nn import functional

        rows = []
        with torch.no_grad():
            before = generator.images(sample)
            for some in torch.tensor(positions).split(self.batch_size):
                codes = sample.codes.repeat(len(some), 1)
                codes[torch.arange(len(some)), some] += deviation[some].to(codes)
                moved = replace(sample.repeat(len(some)), codes=codes)
                error = (generator.images(moved, len(some)) - before).square().mean(1, keepdim=True)
                rows.append(
                    functional.interpolate(error, size=[self.side, self.side], mode="area")[:, 0].cpu()
                )
        return torch.cat(rows), part_maps(self.segmenter, before, (self.side, self.side))[0].cpu()

    def _found(
        self,
        tally: PartTally,
        positions: Sequence[int],
        deviation: Tensor,
        generator: Generator,
        names: list[str],
    ) -> PartChannels:
        known = parts_of(self.segmenter)
        samples = tally.samples.clamp_min(1)
        first, overlap = tally.first / samples, tally.overlap / samples
        inside, outside = (tally.inside / samples).sqrt(), (tally.outside / samples).sqrt()
        directions = {}
        for part in self._parts():
            p = known.index(part)
            for i in tally.best_of(p, self.share, self.gap)[: self.count]:
                notes = {
                    "part": part, "of": {part: 1}, "first": float(first[i, p]), "overlap": float(overlap[i, p]),
                    "inside": float(inside[i, p]), "outside": float(outside[i, p]),
                }  # fmt: skip
                at = positions[i]
                directions[names[at]] = channel(
                    at, style_space(generator), float(deviation[at]), generator, notes
                )
        return PartChannels(directions)
