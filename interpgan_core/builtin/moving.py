"""Moving codes along a direction."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from interpgan_core.directions import Direction
from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.latents import Grid, LatentBatch
from interpgan_core.operators import EditOperator, Input
from interpgan_core.ranges import Layers, Ranges

Strength = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_SIGMA_SEEDS = Ranges("0-4095")


class _AlongDirection(EditOperator):
    direction: Input[Direction]
    layers: Layers | None = None
    """The layers that move; the direction's own when left out."""

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        known = self.direction.generator
        if not generator.shares_codes(known):
            raise InterpganError(
                f"this direction was found on another generator ({known}, not {generator.fingerprint}); "
                f"find it on this one"
            )
        layers = self.direction.layers if self.layers is None else self.layers
        name = generator.space_for(self.direction.space, layers, batch.space.name)
        return self._move(generator.to_space(batch, name), layers, generator)

    @abstractmethod
    def _move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch: ...

    def _offsets(self, batch: LatentBatch, layers: str, strengths: tuple[float, ...]) -> LatentBatch:
        """Every sample at every strength, row by row."""
        import torch

        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        amounts = torch.tensor(strengths, device=step.device).view(-1, *[1] * step.ndim)
        codes = (batch.codes[:, None] + amounts * step).flatten(0, 1)
        origin = strengths.index(0) if 0 in strengths else None
        grid = Grid(_captions(batch, strengths), _origin(batch, origin, len(strengths)))
        return replace(batch.repeat(len(strengths)), codes=codes, grid=grid)


class _Relative(_AlongDirection):
    unit: Literal["space", "sigma", "score"] = "space"
    """space: units of the latent space; sigma: standard deviations of the codes along the direction; score:
    units of the attribute's score, along a direction that says how far one is."""

    def _scale(self, generator: Generator) -> float:
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


class Shift(_Relative):
    """Move every code along a direction: `code + strength * direction`, relative to where it is."""

    strength: Strength

    def _move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        return replace(batch, codes=batch.codes + self.strength * self._scale(generator) * step)


class Walk(_Relative):
    """Every sample at several strengths along a direction, side by side."""

    strengths: Annotated[tuple[Strength, ...], Field(min_length=1)] = (-3.0, -1.5, 0.0, 1.5, 3.0)

    def _move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        scale = self._scale(generator)
        walked = self._offsets(batch, layers, tuple(s * scale for s in self.strengths))
        assert walked.grid
        return replace(walked, grid=replace(walked.grid, columns=_captions(batch, self.strengths)))


class Place(_AlongDirection):
    """Move every code to a signed distance from the direction's plane, wherever it was before.

    Source: InterFaceGAN's edit of Z and W codes (Shen et al., CVPR 2020); several distances give a row.
    """

    distance: Strength | Annotated[tuple[Strength, ...], Field(min_length=1)]

    def _move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        step = self.direction.step(batch.space, layers).to(batch.codes.device)
        rows = batch.space.mask(layers)
        now = self.direction.distance(batch.codes, rows).float().view(-1, *[1] * step.ndim)
        batch = replace(batch, codes=batch.codes - now * step)
        if isinstance(self.distance, tuple):
            return self._offsets(batch, layers, self.distance)
        return replace(batch, codes=batch.codes + self.distance * step)


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
    space = generator.space_for(direction.space)
    found = [direction.distance(b.codes) for b in generator.stream(_SIGMA_SEEDS, space=space)]
    return float(torch.cat(found).std())


def _captions(batch: LatentBatch, strengths: tuple[float, ...]) -> tuple[str, ...]:
    own = tuple(f"{s:+g}" if s else "0" for s in strengths)
    if batch.grid is None:
        return own
    return tuple(f"{before}, {s}" for before in batch.grid.columns for s in own)


def _origin(batch: LatentBatch, origin: int | None, count: int) -> int | None:
    if batch.grid is None or origin is None or batch.grid.origin is None:
        return origin if batch.grid is None else None
    return batch.grid.origin * count + origin
