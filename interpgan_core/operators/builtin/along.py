"""Moving codes along a direction: what `shift`, `walk` and `place` share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Literal
from weakref import WeakKeyDictionary

from pydantic import Field

from interpgan_core.errors import InterpganError, remark
from interpgan_core.generators.directions import Direction
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.generators.ranges import Layers, Ranges
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.controls import Shown
from interpgan_core.operators.fields import Input

Strength = Annotated[float, Field(strict=True, allow_inf_nan=False), Shown(-5, 5, 0.1)]

_SIGMA_SEEDS = Ranges("0-4095")
# Direction -> fingerprint of a generator -> the spread of its codes.
_SPREADS: WeakKeyDictionary[Direction, dict[str, float]] = WeakKeyDictionary()


class AlongDirection(EditOperator):
    """An edit that moves codes along a direction."""

    direction: Input[Direction]
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
                f"this direction was found on another generator ({known}, not {generator.fingerprint}); "
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

        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        amounts = torch.tensor(strengths, device=step.device).view(-1, *[1] * step.ndim)
        codes = (batch.codes[:, None] + amounts * step).flatten(0, 1)
        origin = strengths.index(0) if 0 in strengths else None
        rows = batch.grid.rows if batch.grid else ()
        grid = Grid(captions(batch, strengths), _origin(batch, origin, len(strengths)), rows)
        return replace(batch.repeat(len(strengths)), codes=codes, grid=grid)


class Relative(AlongDirection):
    """An edit whose strength is an offset from where a code is, in one of three units."""

    unit: Literal["space", "sigma", "score"] = "space"
    """space: units of the latent space; sigma: standard deviations of the codes along the direction; score:
    units of the attribute's score, along a direction that says how far one is."""

    def scale(self, generator: Generator) -> float:
        """One unit of strength, in units of the space."""
        if self.unit == "score":
            return self._one_score()
        return 1.0 if self.unit == "space" else sigma(self.direction, generator)

    def _one_score(self) -> float:
        gained = self.direction.notes.get("score_per_unit")
        if not gained:
            raise InterpganError(
                "how much a score changes along this direction is not known; take it from a step that has measured "
                "it, such as interfacegan.verify, or use unit: sigma"
            )
        if self.layers not in (None, self.direction.layers):
            raise InterpganError(
                f"the score was measured along this direction on layers {self.direction.layers}, not "
                f"{self.layers}; leave out 'layers', or use unit: sigma"
            )
        return 1 / float(gained)


def sigma(direction: Direction, generator: Generator) -> float:
    """Standard deviation of the generator's codes along a direction, over 4096 samples.

    Args:
        direction: of any space that takes it.
        generator: whose codes.

    Returns:
        In units of the direction's space; the direction's own note `sigma` where it has one.
    """
    import torch

    if "sigma" in direction.notes:
        return float(direction.notes["sigma"])
    known = _SPREADS.setdefault(direction, {})
    if generator.fingerprint not in known:
        space = generator.space_for(direction.space)
        found = [direction.distance(b.codes) for b in generator.stream(_SIGMA_SEEDS, space=space)]
        known[generator.fingerprint] = float(torch.cat(found).std())
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
