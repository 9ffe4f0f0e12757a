"""Moving codes along a direction or another mover: what `shift`, `walk`, `reach` and `place` share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Literal
from weakref import WeakKeyDictionary

from interpgan_core.errors import InterpganError, remark
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.generators.movers import Mover
from interpgan_core.generators.ranges import Layers
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.controls import Shown
from interpgan_core.operators.fields import Input

Strength = Annotated[float, Shown(-5, 5, 0.1)]

# Mover -> fingerprint of a generator -> the spread of its codes.
_SPREADS: WeakKeyDictionary[Mover, dict[str, float]] = WeakKeyDictionary()


class AlongDirection(EditOperator):
    """An edit that moves codes along a direction, or by another mover."""

    direction: Input[Mover]
    layers: Layers | None = None
    """The layers that move; the direction's own when left out."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.move(*self.carried(batch, generator), generator)

    def carried(self, batch: LatentBatch, generator: Generator) -> tuple[LatentBatch, str]:
        """The batch in the space of the edit, and the layers that move.

        Raises:
            InterpganError: if the direction is not of this generator, or of no space that the codes can go to.
        """
        known = self.direction.generator
        if not generator.shares_codes(known):
            raise InterpganError(
                f"this {self.direction.word} was found on another generator ({known}, not {generator.fingerprint}); "
                f"find it on this one"
            )
        model = str(self.direction.notes.get("model", ""))
        if model and generator.codes_of and model != generator.codes_of:
            file = self.direction.notes.get("file", "this direction")
            remark(
                f"{file} is named as a direction of {model}, and the codes of this generator are those of "
                f"{generator.codes_of}; a direction means nothing in another model"
            )
        layers = self.direction.layers if self.layers is None else self.layers
        name = generator.space_for(self.direction.space, layers, batch.space.name)
        return generator.to_space(batch, name), layers

    @abstractmethod
    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        """Move codes that are already in the space of the edit."""

    def offsets(self, batch: LatentBatch, layers: str, strengths: tuple[float, ...]) -> LatentBatch:
        """Every sample at every strength, row by row."""
        import torch

        copies = batch.repeat(len(strengths))
        amounts = torch.tensor(strengths).repeat(len(batch))
        codes = self.direction.moved(copies.codes, amounts, batch.space, layers)
        origin = strengths.index(0) if 0 in strengths else None
        rows = batch.grid.rows if batch.grid else ()
        grid = Grid(captions(batch, strengths), _origin(batch, origin, len(strengths)), rows)
        return replace(copies, codes=codes, grid=grid)

    def moved(self, batch: LatentBatch, layers: str, strength: float) -> LatentBatch:
        """Every sample moved by one strength."""
        import torch

        amounts = torch.full((len(batch),), strength)
        return replace(batch, codes=self.direction.moved(batch.codes, amounts, batch.space, layers))


class Relative(AlongDirection):
    """An edit whose strength is an offset from where a code is, in one of three units."""

    unit: Literal["space", "sigma", "score"] = "space"
    """space: units of the latent space, or a mover's own; sigma: standard deviations of the codes along the direction;
    score: units of the attribute's score, along a direction that says how far one is."""

    def scale(self, generator: Generator) -> float:
        """One unit of strength, in units of the space, or the mover's own."""
        if self.unit == "score":
            return self._one_score()
        return 1.0 if self.unit == "space" else sigma(self.direction, generator)

    def _one_score(self) -> float:
        gained = self.direction.notes.get("score_per_unit")
        if not gained:
            raise InterpganError(
                f"how much a score changes along this {self.direction.word} is not known; take it from a step that has "
                "measured it, such as interfacegan.verify, or use unit: sigma"
            )
        if self.layers not in (None, self.direction.layers):
            raise InterpganError(
                f"the score was measured along this {self.direction.word} on layers {self.direction.layers}, not "
                f"{self.layers}; leave out 'layers', or use unit: sigma"
            )
        return 1 / float(gained)


def sigma(direction: Mover, generator: Generator) -> float:
    """How much strength is a standard deviation of the generator's codes along a mover, over 4096 samples.

    Args:
        direction: a direction, of any space that takes it, or another mover.
        generator: whose codes.

    Returns:
        A strength: of a direction, in units of its space; its own note `sigma` where it has one. See `Mover.spread`.
    """
    if "sigma" in direction.notes:
        return direction.spread(generator)
    known = _SPREADS.setdefault(direction, {})
    if generator.fingerprint not in known:
        known[generator.fingerprint] = direction.spread(generator)
    return known[generator.fingerprint]


def captions(batch: LatentBatch, strengths: tuple[float, ...]) -> tuple[str, ...]:
    """Captions of the columns: each that the batch has already, at every strength."""
    own = tuple(f"{s:+g}" if s else "0" for s in strengths)
    if batch.grid is None:
        return own
    return tuple(f"{before}, {s}" for before in batch.grid.columns for s in own)


def _origin(batch: LatentBatch, origin: int | None, count: int) -> int | None:
    if batch.grid is None or origin is None or batch.grid.origin is None:
        return origin if batch.grid is None else None
    return batch.grid.origin * count + origin
