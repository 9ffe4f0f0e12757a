"""The operator `interfacegan.layers`: which layers carry an attribute, by directions, by units and by channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Direction,
    FeatureEdit,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    Report,
    Scorer,
    Seeds,
    Shift,
    Table,
    did_you_mean,
    score_images,
    sigma,
)
from interpgan_interfacegan.carriers import CARRIERS, Move, Ranking
from interpgan_interfacegan.inputs import Directions, check_not_empty

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 8  # samples: half of them rank units, the others are moved
FULL = 2.0  # standard deviations that have the darkest colour, as in `interfacegan.verify`
MAPS_AT_ONCE = 16


class FindLayers(Operator):
    """Find out which layers carry each attribute: move a direction, the layer's best units, or its best channels of S,
    one layer at a time, and score again.

    On the first half of the samples the units and channels of each layer are ranked by the correlation of their mean
    with the score; the second half is moved. Every carrier is moved by equally many of its own standard deviations.

    Source: HiGAN (Yang et al., IJCV 2021), section 3.3: the mean of max(score after − before, 0) with one layer
        moved at a time. Deviation: that is for directions; units and channels of S are measured alike.
    """

    scorer: Input[Scorer]
    directions: Directions | None = None
    """A direction for each attribute, by the name of the attribute; left out, only units and channels are moved."""
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which of the scorer's attributes; left out, all."""
    seeds: Seeds = "0-255"
    """Samples: the first half ranks units and channels, the second is moved."""
    count: Annotated[int, Field(ge=1)] = 4
    """How many units, and how many channels, of a layer are moved together."""
    strength: Annotated[float, Field(gt=0)] = 2.0
    """How far, in standard deviations: of codes along the direction, of each unit's mean, of each channel."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples that are rendered and scored at once."""

    def check(self, generator: Generator) -> Report:
        if len(Ranges(self.seeds)) < FEWEST:
            raise InterpganError(
                f"{len(Ranges(self.seeds))} samples rank nothing; give {FEWEST} at least, better 256"
            )
        self._attributes()
        list(self._shifts(generator, dict.fromkeys(self.directions or (), 1.0)))
        return Report()

    def run(self, generator: Generator, progress: Progress) -> Report:
        import torch

        seeds = tuple(Ranges(self.seeds))
        half = len(seeds) // 2
        ranked = self._ranked(generator, seeds[:half], progress)
        strengths = {n: self.strength * sigma(d, generator) for n, d in (self.directions or {}).items()}
        moves = [
            *self._shifts(generator, strengths),
            *ranked.moves(self._attributes(), self.count, self.strength),
        ]
        rises = torch.zeros(len(moves), len(self.scorer.names), dtype=torch.float64)
        scored = torch.zeros_like(rises)
        total = -(-(len(seeds) - half) // self.batch_size)
        what = f"moving {len(moves)} times {len(seeds) - half} samples"
        for batch in progress(generator.stream(seeds[half:], self.batch_size), total=total, what=what):
            before = self._scores(batch, generator)
            maps = self._maps(batch, generator)
            for i, move in enumerate(moves):
                change = self._scores(self._moved(batch, move, maps, generator, ranked), generator) - before
                rises[i] += change.clamp(min=0).nansum(0)
                scored[i] += (~change.isnan()).sum(0)
        return self._report(moves, rises / scored / ranked.deviation, ranked, len(seeds) - half, generator)

    def _attributes(self) -> list[int]:
        names = list(self.scorer.names)
        for name in self.attributes or ():
            if name not in names:
                raise InterpganError(f"the scorer has no attribute '{name}'" + did_you_mean(name, names))
        return [i for i, name in enumerate(names) if self.attributes is None or name in self.attributes]

    def _shifts(self, generator: Generator, strengths: Mapping[str, float]) -> Iterator[Move]:
        """One move a layer, of each direction that is of an attribute."""
        if self.directions is None:
            return
        check_not_empty(self.directions)
        scored = self.scorer.names
        wanted = self._attributes()
        of = {n: scored.index(a) for n, d in self.directions.items() if (a := _attribute(n, d, scored))}
        if not any(j in wanted for j in of.values()):
            raise InterpganError(
                f"none of these directions is of a scored attribute ({', '.join(scored)}); name them after one"
            )
        for name, direction in self.directions.items():
            if of.get(name) not in wanted:
                continue
            try:
                space = generator.space_for(direction.space, "0")
            except InterpganError as error:
                raise InterpganError(
                    f"'{name}' cannot be moved layer by layer, as codes of {direction.space} have no layers here; "
                    "leave out directions"
                ) from error
            for layer in generator.spaces[space].layer_numbers(direction.layers):
                shift = Shift(direction=direction, strength=strengths[name], layers=str(layer))
                yield Move(of[name], "direction", layer, shift=shift)

    def _ranked(self, generator: Generator, seeds: Sequence[int], progress: Progress) -> Ranking:
        """Correlations of every unit's mean and of every channel with every score."""
        space = generator.spaces.get("s")
        styled = space is not None and space.layer_of is not None and len(space.shape) == 1
        import torch

        ranking = Ranking(generator, styled)
        total = -(-len(seeds) // MAPS_AT_ONCE)
        blocks = generator.stream(seeds, MAPS_AT_ONCE)
        for batch in progress(blocks, total=total, what=f"ranking units by {len(seeds)} samples"):
            columns = [m.mean((2, 3)) for m in self._maps(batch, generator).values()]
            if styled:
                columns.append(generator.to_space(batch, "s").codes)
            ranking.add(torch.cat([c.cpu().double() for c in columns], 1), self._scores(batch, generator))
        return ranking

    def _moved(
        self,
        batch: LatentBatch,
        move: Move,
        maps: Mapping[str, Tensor],
        generator: Generator,
        ranking: Ranking,
    ) -> LatentBatch:
        """The batch after one move; `maps` are its own."""
        import torch

        if move.shift is not None:
            return move.shift.run(batch, generator)
        assert move.by is not None
        by = move.by.to(batch.codes)
        if move.carrier == "channels":
            batch = generator.to_space(batch, "s")
            codes = batch.codes.clone()
            codes[:, list(move.where)] += by
            return replace(batch, codes=codes)
        layer = ranking.names[move.layer]
        value = maps[layer][:, list(move.where)] + by[None, :, None, None].to(maps[layer])
        edit = FeatureEdit(layer, move.where, value, torch.ones(1, 1, 1, 1))
        return replace(batch, edits=(*batch.edits, edit))

    def _maps(self, batch: LatentBatch, generator: Generator) -> Mapping[str, Tensor]:
        import torch

        if not generator.layers:
            return {}
        with torch.no_grad():
            return generator.features(batch, generator.layers)

    def _scores(self, batch: LatentBatch, generator: Generator) -> Tensor:
        import torch

        with torch.no_grad():
            found = score_images(self.scorer, generator.images(batch, self.batch_size)).double()
        return found.where(found.isfinite(), torch.nan)

    def _report(
        self, moves: Sequence[Move], rises: Tensor, ranking: Ranking, samples: int, generator: Generator
    ) -> Report:
        numbered = sorted({m.layer for m in moves if isinstance(m.layer, int)})
        layers: list[int | str] = [
            *numbered,
            *dict.fromkeys(m.layer for m in moves if isinstance(m.layer, str)),
        ]
        scored = self.scorer.names
        found = {(m.attribute, m.carrier, m.layer): (m, rises[i]) for i, m in enumerate(moves)}
        rows, best = [], []
        for j in self._attributes():
            for carrier in CARRIERS:
                own = {layer: found[j, carrier, layer] for layer in layers if (j, carrier, layer) in found}
                if not own:
                    continue
                numbers = {layer: _known(rise[j]) for layer, (_, rise) in own.items()}
                order = sorted((k for k, v in numbers.items() if v), key=lambda k: -(numbers[k] or 0))
                first = ", ".join(map(str, order[:3]))
                rows.append((scored[j], carrier, *(numbers.get(layer) for layer in layers), first))
                if order:
                    move, rise = own[order[0]]
                    what = " ".join(
                        f"{i}{'+' if by > 0 else '-'}"
                        for i, by in zip(
                            ranking.shown(move), [] if move.by is None else move.by.tolist(), strict=True
                        )
                    )
                    share = _known(rise[j] / rise.nansum())
                    best.append((scored[j], carrier, str(order[0]), what or None, numbers[order[0]], share))
        names = "; ".join(f"{k}: {v}" for k, v in ranking.names.items() if str(k) != v)
        note = (
            f"Mean of max(score after - before, 0), in standard deviations of the score, over {samples} samples: moved "
            f"by {self.strength:g} standard deviations along the direction in this layer alone; in {self.count} units "
            f"of the layer's maps; in {self.count} channels of S that style it."
            + (f" Maps: {names}." if names else "")
        )
        table = Table(
            "Which layers carry an attribute",
            ("attribute", "moved", *map(str, layers), "most in layers"), tuple(rows), note, FULL,
        )  # fmt: skip
        text = (
            "Numbers with the sense in which they were moved: units of the layer's maps, and channels of the layer in "
            "S. Share: of this attribute in the rises of all."
        )
        strongest = Table(
            "The layer that carries it most",
            ("attribute", "moved", "layer", "which", "rise", "share"), tuple(best), text,
        )  # fmt: skip
        return Report(tables=(table, strongest))


def _attribute(name: str, direction: Direction, scored: Sequence[str]) -> str | None:
    known = (str(direction.notes.get("attribute", "")), name)
    return next((word for word in known if word in scored), None)


def _known(number: Tensor) -> float | None:
    value = float(number)
    return value if value == value else None
