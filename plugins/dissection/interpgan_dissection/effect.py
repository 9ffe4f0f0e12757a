"""The operator `dissection.effect`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core import (
    FeatureEdit,
    Generator,
    Input,
    InRegion,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    RankedUnits,
    Region,
    Report,
    Scorer,
    Seeds,
    Segmenter,
    Table,
    check_parts,
    did_you_mean,
    parts_of,
)
from interpgan_dissection.measure import Effect, Looked, Question, at_equal, mean_of
from interpgan_dissection.tally import shares_of

Found = dict[str, dict[int, Effect]]
"""Name of a ranking -> number of units -> effect."""

HAS = 0.5
"""A sample has a part that fills so much of its mean area in the samples where it is at all."""
WIDER = 1.5
"""Random units are added by this factor beyond `counts`, until all are edited."""


class MeasureEffect(Operator):
    """Measure what units do: how much of a part goes without them, or comes by them, and what changes elsewhere.

    Units in their order, 1, 2, 4 … of them, are switched off where the part is, or set to their level in a region.
    Beside each ranking stand random units of the same layer.

    Source: Bau et al., GAN Dissection, ICLR 2019, section 4.2. Deviation: there, the part is looked for only where
        units were switched off; here in the whole picture.
    """

    ranked: Annotated[dict[str, Input[RankedUnits]], Field(min_length=1)]
    """Units of one layer, by a name for each ranking."""
    segmenter: Input[Segmenter]
    part: str
    """What they are to draw."""
    action: Literal["remove", "insert"] = "remove"
    region: Region | None = None
    """Of insert: where; [top, left, bottom, right] as shares of the height and width, or a picture."""
    level: str = "mean"
    """Of insert: the name of a level of the units."""
    everywhere: bool = False
    """Of remove: the units are off in the whole picture, not only where the part is."""
    counts: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (
        1,
        2,
        4,
        8,
        12,
        16,
        20,
        30,
    )
    """How many units; those past the end of a ranking are left out."""
    seeds: Seeds = "30000-30999"
    samples: Annotated[int, Field(ge=1)] = 60
    """How many of the seeds are measured: the first that have the part, or, for insert, that do not."""
    random: Annotated[int, Field(ge=0)] = 3
    """How many random orders of units stand beside; their mean is shown."""
    scorer: Input[Scorer] | None = None
    attribute: str | None = None
    """Of the scorer: what goes or comes with the part."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.action == "insert") == (self.region is None):
            raise InterpganError(
                "a region is where units are inserted: name it for action: insert, and only for that"
            )
        if self.action == "insert" and self.everywhere:
            raise InterpganError("'everywhere' is of action: remove; leave it out")
        if (self.scorer is None) != (self.attribute is None):
            raise InterpganError("a scorer and one of its attributes go together; name both or none")
        return self

    def check(self, generator: Generator) -> None:
        layers = {units.layer for units in self.ranked.values()}
        if len(layers) > 1:
            raise InterpganError(
                f"the rankings are of the layers {', '.join(sorted(layers))}; compare those of one"
            )
        for units in self.ranked.values():
            units.require_generator(generator)
            if self.action == "insert":
                units.level(self.level)
        check_parts(self.segmenter, [self.part])
        if self.scorer is not None and self.attribute not in self.scorer.names:
            assert self.attribute is not None
            raise InterpganError(
                f"the scorer has no attribute '{self.attribute}'"
                + did_you_mean(self.attribute, self.scorer.names)
            )

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if units, part or attribute do not fit, or no sample has the part, or lacks it.
        """
        import torch

        self.check(generator)
        with torch.no_grad():
            question, samples = self._chosen(generator, progress)
            found = self._measured(question, samples, progress)
        count = sum(len(s.batch) for s in samples)
        table = (self._removal if self.action == "remove" else self._insertion)(found, count)
        before = question.mean_score(samples)
        notes = () if before != before else (f"Before, the mean score of {self.attribute} is {before:.3g}.",)
        return Report(tables=(table,), notes=notes)

    def _chosen(self, generator: Generator, progress: Progress) -> tuple[Question, list[Looked]]:
        """What is asked, and the samples: those with the part, or without it."""
        import torch

        part = parts_of(self.segmenter).index(self.part)
        question = Question(
            generator, self.segmenter, part, scorer=self.scorer, attribute=self.attribute or ""
        )
        seeds = Ranges(self.seeds)
        batches = generator.stream(seeds, self.batch_size)
        what = f"looking for {self.part} in {len(seeds)} samples"
        areas = []
        for batch in progress(batches, total=ceil(len(seeds) / self.batch_size), what=what):
            looked = question.look(batch)
            areas.append((looked.labels == part).sum((1, 2)).cpu())
        area = torch.cat(areas).double()
        if not bool(area.any()):
            raise InterpganError(
                f"none of these samples has the part '{self.part}'; take other seeds, or more"
            )
        enough = HAS * float(area.sum()) / int(area.count_nonzero())
        wanted = area >= enough if self.action == "remove" else area == 0
        if not bool(wanted.any()):
            raise InterpganError(
                f"all of these samples have the part '{self.part}'; take other seeds, or more"
            )
        chosen = [int(seeds[i]) for i in wanted.nonzero().flatten().tolist()[: self.samples]]
        region = None
        if self.region is not None:
            mask = InRegion(region=self.region).mask(looked.images[:1], looked.labels.shape[1:])
            region = mask.squeeze(1) > 0
        question = replace(question, enough=enough, region=region)
        return question, [question.look(b) for b in generator.stream(chosen, self.batch_size)]

    def _measured(self, question: Question, samples: list[Looked], progress: Progress) -> Found:
        """Each ranking, and at last the mean of the random orders under the name ""."""
        first = next(iter(self.ranked.values()))
        units, *size = question.generator.layer_shapes()[first.layer]
        orders = [(name, units, self.counts) for name, units in self.ranked.items()]
        for draw in range(self.random):
            orders.append((f"\0{draw}", _shuffled(first, units, draw), self._wider(units)))
        plan = [
            (name, order.first(n))
            for name, order, counts in orders
            for n in sorted({*counts})
            if n <= len(order)
        ]
        found: Found = {}
        what = f"editing {sum(len(s.batch) for s in samples)} samples"
        for name, best in progress(plan, total=len(plan), what=what):
            edits = [self._edit(best, s, question, size) for s in samples]
            found.setdefault(name, {})[len(best)] = question.measure(zip(samples, edits, strict=True))
        drawn = [found.pop(name) for name, _, _ in orders if name.startswith("\0")]
        if drawn:
            found[""] = {n: mean_of([curve[n] for curve in drawn]) for n in drawn[0]}
        return found

    def _wider(self, units: int) -> tuple[int, ...]:
        """How many random units are edited: as `counts` says, and on to all of them."""
        counts = sorted({min(n, units) for n in self.counts})
        while self.action == "remove" and counts[-1] < units:
            counts.append(min(units, round(WIDER * counts[-1])))
        return tuple(counts)

    def _edit(
        self, units: RankedUnits, looked: Looked, question: Question, size: Sequence[int]
    ) -> FeatureEdit:
        """The edit of some samples that `ablate` or `insert` would make."""
        import torch

        if self.action == "insert":
            mask = InRegion(region=self.region).mask(looked.images, size)
            return FeatureEdit(units.layer, units.units, units.level_at(self.level, size), mask)
        zeros = torch.zeros(1, len(units), 1, 1)
        if self.everywhere:
            return FeatureEdit(units.layer, units.units, zeros, torch.ones(1, 1, 1, 1))
        shares = shares_of(looked.labels, len(parts_of(self.segmenter)), *size)
        return FeatureEdit(units.layer, units.units, zeros, (shares[:, [question.part]] > 0).float())

    def _removal(self, found: Found, count: int) -> Table:
        random = list(found.get("", {}).values())
        rows: list[tuple[str | float | None, ...]] = []
        for name, curve in found.items():
            for n, effect in curve.items():
                equal = at_equal(effect.gone, random) if name else None
                ratio = effect.elsewhere / equal if equal else None
                shown = (
                    100 * effect.gone,
                    100 * effect.elsewhere,
                    None if equal is None else 100 * equal,
                    ratio,
                )
                rows.append((name or "random units", n, *shown, *self._score(effect)))
        columns = (
            "units",
            "how many",
            "% of the part gone",
            "change elsewhere, %",
            "of random units, %",
            "ratio",
        )
        note = (
            "Change elsewhere: of a pixel, of its whole range, where the part is neither before nor after. Of random "
            "units: that of as many random units as remove as much; a dash where no number of them does."
        )
        title = f"{self.part} removed, {count} samples"
        return Table(title, (*columns, *self._heading()), tuple(rows), note)

    def _insertion(self, found: Found, count: int) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for name, curve in found.items():
            for n, effect in curve.items():
                shown = (100 * effect.there, effect.outside, 100 * effect.elsewhere)
                rows.append((name or "random units", n, *shown, *self._score(effect)))
        columns = (
            "units",
            "how many",
            "% of samples that have it there",
            "pixels of it elsewhere",
            "change elsewhere, %",
        )
        note = (
            f"There: at least {HAS:.0%} of the area that it has on average fills the region. Elsewhere: outside of the "
            "region, pixels of the part that were not there before, and the change of a pixel, of its whole range."
        )
        return Table(
            f"{self.part} inserted, {count} samples", (*columns, *self._heading()), tuple(rows), note
        )

    def _heading(self) -> tuple[str, ...]:
        return () if self.attribute is None else (f"mean score of {self.attribute}",)

    def _score(self, effect: Effect) -> tuple[float, ...]:
        return () if self.attribute is None else (effect.score,)


def _shuffled(like: RankedUnits, units: int, draw: int) -> RankedUnits:
    """All units of a layer in a random order, with the levels of a ranking; 0 where it does not know one."""
    import numpy as np
    import torch

    order = tuple(np.random.RandomState([draw, 4]).permutation(units).tolist())
    levels = {}
    for name, values in like.levels.items():
        known = dict(zip(like.units, values, strict=True))
        levels[name] = torch.stack([known.get(unit, torch.zeros_like(values[0])) for unit in order])
    return RankedUnits(like.layer, order, torch.zeros(units), levels, "random", like.generator)
