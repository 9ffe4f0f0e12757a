"""The operator `metrics.obvious`: how many directions change the picture obviously, and how many of these say what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Mover,
    MoverSet,
    Operator,
    Progress,
    Ranges,
    Report,
    Scorer,
    Seeds,
    Segmenter,
    Shift,
    Table,
    parts_of,
    sigma,
)
from interpgan_metrics.agreement import moved_batches
from interpgan_metrics.disentanglement import FEWEST, SetName
from interpgan_metrics.effect_matrix import SELECTIVE, selectivity
from interpgan_metrics.factors import Factors, Looked, change, pictures
from interpgan_metrics.features import Count
from interpgan_metrics.side_effects import part_shares

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 0.5  # standard deviations: an attribute that changes by less explains no change that is obvious


class _Seen(NamedTuple):
    """A batch: its factors, maps, and what distances are taken of, (n, d)."""

    looked: Looked
    vectors: Tensor


class _Move(NamedTuple):
    """Of samples that are moved one way: mean distance; effects, (a,); the share of each part in the change, (p,)."""

    distance: float
    effects: Tensor
    shares: Tensor


class _Row(NamedTuple):
    """Of a direction: how far pictures change, and what explains it, with its share."""

    distance: float
    attribute: str | None
    effect_share: float | None
    part: str | None
    part_share: float | None


class CountObvious(Operator):
    """Of the first directions of each set, such as one for each level of layers: how many change the picture obviously,
    and of these, how many are explained by one attribute, or by one part of the picture.

    A change is obvious if the distance between before and after is a stated share of that between two samples. It is
    explained by an attribute that has more than half of all changes of attributes, in standard deviations, and by a
    part that has more than half of the squared change of all pixels.

    Source: table 3 of Zhou, Interpreting Generative Adversarial Networks for Interactive Image Generation, 2021, which
        asks volunteers. Deviation: scorers and segmenters answer in their place.
    """

    directions: Input[MoverSet] | Annotated[dict[SetName, Input[MoverSet]], Field(min_length=1)]
    """A set of directions or other movers, or several by their names, such as one for each level of layers."""
    scorer: Input[Scorer]
    """Of the attributes."""
    segmenter: Input[Segmenter] | None = None
    """Finds the parts; without it none explains a change."""
    features: Input[FeatureNet] | None = None
    """Whose distance says how much a picture has changed; without it, that of the pixels."""
    count: Count = 50
    """Of each set the first so many."""
    strength: Annotated[float, Field(gt=0)] = 3.0
    """How far samples are moved, both ways, in standard deviations of the codes."""
    threshold: Annotated[float, Field(gt=0)] = 0.5
    """The share of the median distance between two samples from which on a change is obvious."""
    seeds: Seeds = "0-7"
    """Samples that are moved."""
    drawn: Seeds = "2000-2255"
    """Samples that say how much each attribute varies, and how far two samples are from each other."""
    batch_size: Count = 16
    """Samples that are rendered and scored at once."""

    def check(self, generator: Generator) -> Report:
        for name, found in self._sets().items():
            if not found:
                raise InterpganError(f"the set '{name}' is empty; give one of a mover at least")
            moved_batches(found.values(), generator.sample([0]), generator)
        if len(Ranges(self.drawn)) < FEWEST:
            raise InterpganError("one sample of 'drawn' tells nothing; give 2 at least")
        if len(self.scorer.names) < 2:
            raise InterpganError("one attribute explains everything; give a scorer of 2 attributes at least")
        return Report()

    def run(self, generator: Generator, progress: Progress) -> Report:
        factors = Factors(self.scorer, self.segmenter)
        deviations, apart = self._scale(factors, generator, progress)
        batches = list(generator.sample(Ranges(self.seeds)[:]).split(self.batch_size))
        before = [self._seen(batch, factors, generator) for batch in batches]
        counts: list[tuple[str | int, ...]] = []
        rows: list[tuple[str | float | None, ...]] = []
        for name, movers in self._sets().items():
            what = f"moving along {len(movers)} of {name}" if name else f"moving along {len(movers)}"
            found: list[_Row] = []
            for key, mover in progress(movers.items(), total=len(movers), what=what):
                both = [
                    self._measured(before, [self._seen(b, factors, generator) for b in moved], deviations)
                    for moved in self._both(mover, batches, generator)
                ]
                row = self._row(both, apart)
                found.append(row)
                rows.append((name or "directions", key, *row))
            obvious = [row for row in found if row.distance >= self.threshold]
            named = [(row.attribute is not None, row.part is not None) for row in obvious]
            by = (sum(a for a, _ in named), sum(p for _, p in named), sum(a or p for a, p in named))
            counts.append((name or "directions", len(found), len(obvious), *by))
        note = (
            f"Obvious: moved by {self.strength:g} standard deviations of the codes, samples change by "
            f"{self.threshold:g} of the median distance between two samples at least. Explained: one attribute has "
            "more than half of the changes of all, and changes by half a standard deviation; one part has more than "
            "half of the squared change of pixels."
        )
        heads = ("set", "directions", "obvious", "by an attribute", "by a part", "by either")
        columns = (
            "set",
            "direction",
            "distance",
            "attribute",
            "its share",
            "part",
            "its share of the change",
        )
        return Report(
            tables=(
                Table("Obvious directions, and what explains them", heads, tuple(counts), note),
                Table("Each direction", columns, tuple(rows), "A dash: none has more than half."),
            )
        )

    def _sets(self) -> dict[str, Mapping[str, Mover]]:
        given = self.directions if isinstance(self.directions, dict) else {"": self.directions}
        return {name: dict(list(found.items())[: self.count]) for name, found in given.items()}

    def _both(
        self, mover: Mover, batches: list[LatentBatch], generator: Generator
    ) -> list[list[LatentBatch]]:
        """The batches, moved in both senses."""
        step = self.strength * sigma(mover, generator)
        shifts = (Shift(direction=mover, strength=sense * step) for sense in (1, -1))
        return [[shift.run(batch, generator) for batch in batches] for shift in shifts]

    def _vectors(self, images: Tensor) -> Tensor:
        import torch

        if self.features is None:
            return images.flatten(1).double().cpu()
        with torch.no_grad():
            return self.features.features(images).double().cpu()

    def _seen(self, batch: LatentBatch, factors: Factors, generator: Generator) -> _Seen:
        (images,) = pictures(batch, generator, len(batch))
        return _Seen(factors.look(images), self._vectors(images))

    def _scale(self, factors: Factors, generator: Generator, progress: Progress) -> tuple[Tensor, float]:
        """How much each attribute varies, and the median distance between one sample and the next."""
        import torch

        seeds = Ranges(self.drawn)
        values, distances, last = [], [], None
        blocks = generator.stream(seeds, self.batch_size)
        for batch in progress(
            blocks, total=ceil(len(seeds) / self.batch_size), what=f"looking at {len(seeds)} samples"
        ):
            for images in pictures(batch, generator, self.batch_size):
                values.append(factors.look(images, with_maps=False).factors)
                found = self._vectors(images)
                row = found if last is None else torch.cat([last, found])
                distances.append((row[1:] - row[:-1]).norm(dim=1))
                last = found[-1:]
        return factors.deviations(torch.cat(values)), float(torch.cat(distances).median())

    def _measured(self, before: list[_Seen], after: list[_Seen], deviations: Tensor) -> _Move:
        import torch

        pairs = list(zip(before, after, strict=True))
        moved = torch.cat([(a.vectors - b.vectors).norm(dim=1) for b, a in pairs])
        old, new = (torch.cat([s.looked.factors for s in side]) for side in (before, after))
        effects = change(old, new, deviations).effects.abs().nan_to_num()
        shares = torch.zeros(0)
        if self.segmenter is not None:
            shares = torch.cat([part_shares(b.looked, a.looked) for b, a in pairs]).nanmean(0).nan_to_num()
        return _Move(float(moved.mean()), effects, shares)

    def _row(self, both: list[_Move], apart: float) -> _Row:
        import torch

        effects = torch.stack([one.effects for one in both]).mean(0)
        of_changes = selectivity(effects[None])[0].where(effects >= LEAST, 0)
        of_pixels = torch.stack([one.shares for one in both]).mean(0)
        parts = () if self.segmenter is None else parts_of(self.segmenter)
        distance = sum(one.distance for one in both) / len(both) / apart
        return _Row(distance, *_most(of_changes, self.scorer.names), *_most(of_pixels, parts))


def _most(shares: Tensor, names: Sequence[str]) -> tuple[str, float] | tuple[None, None]:
    """What has more than half, with its share."""
    for share, name in zip(shares.tolist(), names, strict=True):
        if share > SELECTIVE:
            return name, share
    return None, None
