"""The operator `metrics.disentanglement`: what each mover changes, and what else, at a change of equal size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Mover,
    MoverSet,
    Operator,
    Parts,
    Progress,
    Ranges,
    Scorer,
    Seeds,
    Segmenter,
    Shift,
    check_parts,
    parts_of,
    sigma,
)
from interpgan_metrics.agreement import agreement, by_chance, common_space, displacements, moved_batches
from interpgan_metrics.disentanglement_report import Agreement, Disentanglement
from interpgan_metrics.effect_matrix import dependency
from interpgan_metrics.factors import Change, Factors, change, pictures
from interpgan_metrics.features import Count
from interpgan_metrics.matching import match
from interpgan_metrics.measured_moves import Figures, Move, known
from interpgan_metrics.side_effects import Judge, Seen, identities, most_local, part_errors

if TYPE_CHECKING:
    from torch import Tensor

SetName = Annotated[str, Field(pattern=r"^[\w-]+$")]
FEWEST = 2  # samples that have a mean change, and a standard deviation


class MeasureMovers(Operator):
    """Measure what movers change, each at the strength where the factor that it changes most changes by one standard
    deviation: one matrix of effects, and the figures that follow from it.

    A factor is a score, or the colour or the size of a part of the picture. Every mover is measured in both senses. Of
    several sets side by side, each has its figures, and each two are compared: have they found the same movers?

    Source: attribute dependency: Wu et al., StyleSpace Analysis, CVPR 2021, section 6. Disentanglement and
        completeness: Eastwood and Williams, ICLR 2018. The matrix is that of SeFa (Shen and Zhou, CVPR 2021), Tab. 2,
        at matched changes. Deviations: the strength is that of each mover; effects stand in place of a regressor's
        importances; one mover a factor counts.
    """

    directions: Input[MoverSet] | Annotated[dict[SetName, Input[MoverSet]], Field(min_length=1)]
    """A set of directions or other movers, or several by their names: of other methods, or of one method with other
    seeds."""
    scorer: Input[Scorer]
    """Of the attributes; logits rather than probabilities, which hardly change near 0 and 1."""
    segmenter: Input[Segmenter] | None = None
    """Finds parts, for the locality of each move, for colours and for sizes."""
    colours: Parts | None = None
    """Parts whose mean colour is a factor, too."""
    sizes: Parts | None = None
    """Parts whose share of the picture is a factor, too."""
    features: Input[FeatureNet] | None = None
    """For the realism of a generator without its discriminator: distances to its samples."""
    identity: Input[FeatureNet] | None = None
    """Tells whether the same person is seen."""
    count: Count = 20
    """Of each set the first so many."""
    seeds: Seeds = "0-23"
    """Samples whose changes are measured."""
    searched: Seeds = "1000-1007"
    """Samples on which the strength of each move is found."""
    drawn: Seeds = "2000-2255"
    """Samples that say how much each factor varies."""
    most: Annotated[float, Field(gt=0)] = 8.0
    """The largest strength, in standard deviations of the codes along the mover."""
    batch_size: Count = 16
    """Samples that are rendered and scored at once."""

    @model_validator(mode="after")
    def _parts_by_a_segmenter(self) -> Self:
        for name in ("colours", "sizes"):
            if getattr(self, name) is not None and self.segmenter is None:
                raise InterpganError(f"{name} of parts need a segmenter that finds them; give 'segmenter'")
        return self

    def check(self, generator: Generator) -> Disentanglement:
        for name, found in self._sets().items():
            if not found:
                raise InterpganError(
                    f"the set '{name}' is empty; give one of a mover at least" if name else
                    "the set of directions is empty; give one of a mover at least"
                )  # fmt: skip
        for field in ("seeds", "searched", "drawn"):
            if len(Ranges(getattr(self, field))) < FEWEST:
                raise InterpganError(f"one sample of '{field}' tells nothing; give 2 at least")
        if len(self._factors().names) < 2:
            raise InterpganError(
                "with one factor nothing else can change; give a scorer of 2 attributes at least"
            )
        if self.segmenter is not None:
            check_parts(self.segmenter, (*(self.colours or ()), *(self.sizes or ())))
        one = generator.sample([0])
        for found in self._sets().values():
            moved_batches(found.values(), one, generator)
        return Disentanglement((), {})

    def run(self, generator: Generator, progress: Progress) -> Disentanglement:
        factors, judge = self._factors(), Judge(generator, self.features)
        deviations = self._deviations(factors, judge, generator, progress)
        tried = generator.sample(Ranges(self.searched)[:])
        tried_before = self._values(tried, factors, generator)
        batches = list(generator.sample(Ranges(self.seeds)[:]).split(self.batch_size))
        before = [seen for b in batches for seen in self._seen(b, factors, judge, generator)]
        sets = self._sets()
        figures: dict[str, Figures] = {}
        for name, movers in sets.items():
            moves = []
            both = [(key, mover, sense) for key, mover in movers.items() for sense in (1, -1)]
            what = f"moving along {len(movers)} of {name}" if name else f"moving along {len(movers)}"
            for key, mover, sense in progress(both, total=len(both), what=what):
                unit = sigma(mover, generator)

                def at(strength: float, mover: Mover = mover, step: float = sense * unit) -> Change:
                    moved = Shift(direction=mover, strength=strength * step).run(tried, generator)
                    return change(tried_before, self._values(moved, factors, generator), deviations)

                found = match(at, self.most)
                shift = Shift(direction=mover, strength=sense * unit * found.strength)
                moved = [shift.run(batch, generator) for batch in batches]
                after = [seen for b in moved for seen in self._seen(b, factors, judge, generator)]
                move = Move(
                    key, sense, sense * unit * found.strength, found.strength, found.target, found.reached, ()
                )
                moves.append(self._measured(move, before, after, deviations))
            figures[name] = Figures(tuple(moves), _seconds(movers))
        return Disentanglement(
            factors.names, figures, self._agreements(sets, tried, generator), judge.measures
        )

    def _sets(self) -> dict[str, dict[str, Mover]]:
        given = self.directions if isinstance(self.directions, dict) else {"": self.directions}
        return {name: dict(list(found.items())[: self.count]) for name, found in given.items()}

    def _factors(self) -> Factors:
        return Factors(self.scorer, self.segmenter, self.colours or (), self.sizes or ())

    def _values(self, batch: LatentBatch, factors: Factors, generator: Generator) -> Tensor:
        """(n, a, 3)."""
        import torch

        parts = pictures(batch, generator, self.batch_size)
        return torch.cat([factors.look(images, with_maps=False).factors for images in parts])

    def _deviations(self, factors: Factors, judge: Judge, generator: Generator, progress: Progress) -> Tensor:
        """How much each factor varies over samples; the judge learns from the same pictures."""
        import torch

        seeds = Ranges(self.drawn)
        blocks, total = generator.stream(seeds, self.batch_size), ceil(len(seeds) / self.batch_size)
        values = []
        for batch in progress(blocks, total=total, what=f"looking at {len(seeds)} samples"):
            for images in pictures(batch, generator, self.batch_size):
                values.append(factors.look(images, with_maps=False).factors)
                judge.learn(images, batch.labels)
        judge.learned()
        return factors.deviations(torch.cat(values))

    def _seen(self, batch: LatentBatch, factors: Factors, judge: Judge, generator: Generator) -> list[Seen]:
        return [
            Seen(factors.look(images), judge(images, batch.labels), identities(self.identity, images))
            for images in pictures(batch, generator, len(batch))
        ]

    def _measured(self, move: Move, before: list[Seen], after: list[Seen], deviations: Tensor) -> Move:
        import torch

        pairs = list(zip(before, after, strict=True))
        old, new = (torch.cat([s.looked.factors for s in side]) for side in (before, after))
        moved = change(old, new, deviations)
        effects = tuple(known(e) for e in moved.effects.tolist())
        reached, (mean, largest) = False, (None, None)
        if move.reached and (effect := effects[move.target]):
            reached, (mean, largest) = True, dependency(moved.sizes, move.target, effect)
        part, locality = "", None
        if self.segmenter is not None:
            errors = torch.cat([part_errors(b.looked, a.looked) for b, a in pairs])
            number, ratio = most_local(errors)
            if number >= 0:
                part, locality = parts_of(self.segmenter)[number], known(ratio)
        real = [a.realism - b.realism for b, a in pairs if a.realism is not None and b.realism is not None]
        same = [
            (a.identity * b.identity).sum(1)
            for b, a in pairs
            if a.identity is not None and b.identity is not None
        ]
        return replace(
            move, effects=effects, reached=reached,
            dependency=None if mean is None else known(mean),
            dependency_max=None if largest is None else known(largest),
            part=part, locality=locality,
            realism=known(float(torch.cat(real).mean())) if real else None,
            identity=known(float(torch.cat(same).mean())) if same else None,
        )  # fmt: skip

    def _agreements(
        self, sets: Mapping[str, Mapping[str, Mover]], batch: LatentBatch, generator: Generator
    ) -> tuple[Agreement, ...]:
        moved = {name: moved_batches(found.values(), batch, generator) for name, found in sets.items()}
        names, found = list(moved), []
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                space = common_space(moved[first], moved[second], generator)
                ways = [displacements(moved[n], batch, generator, space) for n in (first, second)]
                size = generator.spaces[_narrowest(sets[first], sets[second], generator)].shape[-1]
                chance = by_chance(len(ways[0]), len(ways[1]), size)
                found.append(Agreement(first, second, agreement(*ways), chance))
        return tuple(found)


def _seconds(movers: Mapping[str, Mover]) -> float | None:
    """What finding them took, where all of them say the same."""
    said = {mover.notes.get("seconds") for mover in movers.values()}
    (only,) = said if len(said) == 1 else (None,)
    return float(only) if isinstance(only, int | float) else None


def _narrowest(first: Mapping[str, Mover], second: Mapping[str, Mover], generator: Generator) -> str:
    """The space of the fewest numbers that some of these live in."""
    names = {mover.space for some in (first, second) for mover in some.values()}
    return min(names, key=lambda name: generator.spaces[name].shape[-1])
