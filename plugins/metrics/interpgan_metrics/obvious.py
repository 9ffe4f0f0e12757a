"""The operator `metrics.obvious`: how many directions change the picture obviously, and how many of these say what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

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


@dataclass(frozen=True)
class _Seen:
    """A batch: its factors, maps, and what distances are taken of, (n, d)."""

    looked: Looked
    vectors: Tensor


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
    strength: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 3.0
    """How far samples are moved, both ways, in standard deviations of the codes."""
    threshold: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 0.5
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
            found = []
            for key, mover in progress(movers.items(), total=len(movers), what=what):
                both = [
                    self._measured(before, [self._seen(b, factors, generator) for b in moved], deviations)
                    for moved in self._both(mover, batches, generator)
                ]
                row = self._row(both, apart)
                found.append(row)
                rows.append((name or "directions", key, *row))
            obvious = [row for row in found if row[0] >= self.threshold]
            by = [sum(row[i] is not None for row in obvious) for i in (1, 3)]
            either = sum(row[1] is not None or row[3] is not None for row in obvious)
            counts.append((name or "directions", len(found), len(obvious), *by, either))
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
        total = -(-len(seeds) // self.batch_size)
        values, distances, last = [], [], None
        blocks = generator.stream(seeds, self.batch_size)
        for batch in progress(blocks, total=total, what=f"looking at {len(seeds)} samples"):
            for images in pictures(batch, generator, self.batch_size):
                values.append(factors.look(images, with_maps=False).factors)
                found = self._vectors(images)
                row = found if last is None else torch.cat([last, found])
                distances.append((row[1:] - row[:-1]).norm(dim=1))
                last = found[-1:]
        return factors.deviations(torch.cat(values)), float(torch.cat(distances).median())

    def _measured(
        self, before: list[_Seen], after: list[_Seen], deviations: Tensor
    ) -> tuple[float, Tensor, Tensor | None]:
        """Mean distance; effects, (a,); the share of each part in the change, (parts,)."""
        import torch

        pairs = list(zip(before, after, strict=True))
        moved = torch.cat([(a.vectors - b.vectors).norm(dim=1) for b, a in pairs])
        old, new = (torch.cat([s.looked.factors for s in side]) for side in (before, after))
        effects = change(old, new, deviations).effects.abs().nan_to_num(0.0)
        shares = None
        if self.segmenter is not None:
            shares = torch.cat([part_shares(b.looked, a.looked) for b, a in pairs]).nanmean(0).nan_to_num(0.0)
        return float(moved.mean()), effects, shares

    def _row(
        self, both: list[tuple[float, Tensor, Tensor | None]], apart: float
    ) -> tuple[float, str | None, float | None, str | None, float | None]:
        """Distance, and what explains the change with its share: an attribute, a part."""
        import torch

        distance = sum(one[0] for one in both) / len(both) / apart
        effects = torch.stack([one[1] for one in both]).mean(0)
        shares = selectivity(effects[None])[0]
        best = int(shares.argmax())
        explained = float(shares[best]) > SELECTIVE and float(effects[best]) >= LEAST
        attribute = (self.scorer.names[best], float(shares[best])) if explained else (None, None)
        part: tuple[str | None, float | None] = (None, None)
        known = [one[2] for one in both if one[2] is not None]
        if known and self.segmenter is not None:
            mean = torch.stack(known).mean(0)
            top = int(mean.argmax())
            if float(mean[top]) > SELECTIVE:
                part = (parts_of(self.segmenter)[top], float(mean[top]))
        return (distance, *attribute, *part)
