"""The operator `interpretable.consistency`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
    Segmenter,
    Table,
    part_maps,
    parts_of,
)
from interpgan_interpretable.layers import Filters, one_layer, rectified_maps
from interpgan_interpretable.receptive_fields import SHARE, overlap, receptive_fields, unit_maps

if TYPE_CHECKING:
    from torch import Tensor

PURE = 0.5  # share of a filter's field in one part, from which on it counts as drawing that part


class MeasureConsistency(Operator):
    """Whether the filters of a concept are active at the same positions, and each in one part of the picture.

    Consistency is the mean intersection over union of a filter's receptive field with that of the other filters of its
    concept, over the samples. Random groups of the same filters and sizes give the chance level.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, figure 3, as numbers. The measure is
        this project's own.
    """

    segmenter: Input[Segmenter] | None = None
    """Finds the part that a filter draws; left out: purity is not measured."""
    seeds: Seeds = "0-199"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the random groups."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> None:
        one_layer(generator)

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if the generator has no concepts, or has them in several layers.
        """
        layer, concepts = one_layer(generator)
        found, chance = _Overlaps(concepts), _Overlaps(random_groups(concepts, self.seed))
        purity = _Purity(parts_of(self.segmenter)) if self.segmenter else None
        count = len(Ranges(self.seeds))
        batches = generator.stream(Ranges(self.seeds), self.batch_size)
        what = f"measuring concepts on {count} samples"
        for batch in progress(batches, total=-(-count // self.batch_size), what=what):
            maps = unit_maps(rectified_maps(generator, batch, layer))
            found.add(maps)
            chance.add(maps)
            if purity and self.segmenter:
                images = generator.images(batch, self.batch_size)
                purity.add(receptive_fields(maps), part_maps(self.segmenter, images, maps.shape[2:]))
        return _report(concepts, found.means(), chance.means(), purity, layer, count)


def random_groups(concepts: Mapping[str, Filters], seed: int) -> dict[str, Filters]:
    """Groups of the same sizes, of the same filters in random order."""
    import numpy as np

    every = [unit for units in concepts.values() for unit in units]
    shuffled = iter(np.random.RandomState(seed).permutation(every).tolist())
    return {name: tuple(next(shuffled) for _ in units) for name, units in concepts.items()}


class _Overlaps:
    """Sums over samples of the overlap of each filter's field with that of its group's others."""

    def __init__(self, concepts: Mapping[str, Filters]) -> None:
        self.concepts = concepts
        self.sums = dict.fromkeys(concepts, 0.0)
        self.counts = dict.fromkeys(concepts, 0)

    def add(self, maps: Tensor) -> None:
        """Args: maps: (n, m, h, w) of unit length each."""
        for name, units in self.concepts.items():
            own = maps[:, list(units)]
            others = own.sum(1, keepdim=True) - own
            shared = overlap(receptive_fields(own), receptive_fields(others.clamp(min=0)))
            self.sums[name] += float(shared.nansum())
            self.counts[name] += int((~shared.isnan()).sum())

    def means(self) -> dict[str, float | None]:
        """By concept; None for one that is never active. Under "" that of all filters."""
        pairs = {name: (self.sums[name], self.counts[name]) for name in self.concepts}
        pairs[""] = (sum(self.sums.values()), sum(self.counts.values()))
        return {name: total / count if count else None for name, (total, count) in pairs.items()}


@dataclass
class _Purity:
    """Sums over samples of the area of each filter's receptive field in each part."""

    parts: tuple[str, ...]
    areas: Tensor | None = None

    def add(self, fields: Tensor, parts: Tensor) -> None:
        """Args: fields: (n, m, h, w) bool; parts: (n, p, h, w), shares."""
        positions, shares = (x.double().transpose(0, 1).flatten(1) for x in (fields, parts))
        found = positions @ shares.T
        self.areas = found if self.areas is None else self.areas + found

    def of(self, units: Filters) -> tuple[float, str, float]:
        """% of some filters that draw one part, the part that most of their fields are in, and % of these in it."""
        assert self.areas is not None
        areas = self.areas[list(units)]
        shares = areas / areas.sum(1, keepdim=True).clamp(min=1e-12)
        pure = (shares.max(1).values >= PURE).double().mean()
        together = areas.sum(0) / areas.sum().clamp(min=1e-12)
        return 100 * float(pure), self.parts[int(together.argmax())], 100 * float(together.max())


def _report(
    concepts: Mapping[str, Filters],
    found: Mapping[str, float | None],
    chance: Mapping[str, float | None],
    purity: _Purity | None,
    layer: str,
    samples: int,
) -> Report:
    """One row for each concept, and one for all together."""
    every = tuple(unit for units in concepts.values() for unit in units)
    rows = []
    for name, units in [*concepts.items(), ("", every)]:
        row: tuple[str | float | int | None, ...] = (name or "all", len(units), found[name], chance[name])
        rows.append(row + (purity.of(units) if purity else ()))
    columns: tuple[str, ...] = ("concept", "filters", "consistency", "random groups")
    note = (
        f"Consistency: mean intersection over union of a filter's receptive field, the {SHARE:.0%} of positions where "
        "it is most active, with that of its concept's other filters. Random groups: of the same sizes, drawn from the "
        "same filters."
    )
    if purity:
        columns += ("% pure", "part", "% in it")
        note += (
            f" Pure: at least {PURE:.0%} of a filter's field is in one part. The part is the one in which most of the "
            "concept's fields are."
        )
    return Report(tables=(Table(f"Concepts of {layer} on {samples} samples", columns, tuple(rows), note),))
