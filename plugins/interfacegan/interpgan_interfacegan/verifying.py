"""Move samples along directions, score them again, and see which attributes moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictBool

from interpgan_core import (
    Direction,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    Scorer,
    Seeds,
    Shift,
    sigma,
)
from interpgan_interfacegan.naming import Directions, checked, own_attribute
from interpgan_interfacegan.verified import Verified

if TYPE_CHECKING:
    from torch import Tensor

Move = tuple[str, int | None]
"""Name of a direction, and the one layer that moves; None: all of its layers."""


class Verify(Operator):
    """Move samples along each direction, score them again, and tell how every attribute has changed.

    The result has the same directions, which then know how much of their score one unit is worth: an edit along
    them takes `unit: score`.

    Source: HiGAN (Yang et al., IJCV 2021): directions are ranked by the mean of max(F(G(z + λn)) - F(G(z)), 0),
        λ = 2, over 2000 samples, whole and layer by layer; SeFa (Shen and Zhou, CVPR 2021), Tab. 2: every
        attribute, whichever direction moves. Deviation: attributes compare in deviations of their scores.
    """

    directions: Directions
    """A set, or some under names of your own: {plain: $found.smile, alone: $smile}."""
    scorer: Input[Scorer]
    seeds: Seeds = "0-1999"
    """Samples to move."""
    samples: Input[LatentBatch] | None = None
    """Those of a step in place of seeds, such as truncated ones."""
    strength: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 2.0
    """How far they are moved."""
    unit: Literal["space", "sigma"] = "space"
    """Of the strength: units of the space, or standard deviations of the codes along each direction."""
    by_layer: StrictBool = False
    """Move the layers of each direction one by one, too."""
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    """Samples that are rendered and scored at once."""

    def run(self, generator: Generator, progress: Progress) -> Verified:
        import torch

        directions = checked(self.directions)
        count = len(Ranges(self.seeds) if self.samples is None else self.samples)
        if count < 2:
            raise InterpganError(f"{count} samples have no deviation; verify on 2 at least, better 2000")
        far = {
            name: self.strength * (sigma(d, generator) if self.unit == "sigma" else 1.0)
            for name, d in directions.items()
        }
        moves = {move: self._shift(move, directions, far) for move in self._moves(directions, generator)}
        changed = {move: _Changes(len(self.scorer.names)) for move in moves}
        before = []
        parts = -(-count // self.batch_size)
        what = f"verifying, {len(moves)} moves of {count} samples"
        for batch in progress(self._batches(generator), total=parts, what=what):
            before.append(self._score(batch, generator))
            for move, shift in moves.items():
                changed[move].add(before[-1], self._score(shift.run(batch, generator), generator))
        said = {
            "samples": count,
            "strength": self.strength,
            "unit": self.unit,
            "attributes": list(self.scorer.names),
            "deviation": self._named(_deviations(torch.cat(before))),
        }
        return Verified(
            {name: self._told(name, d, far[name], changed, said) for name, d in directions.items()}
        )

    def _moves(self, directions: Mapping[str, Direction], generator: Generator) -> Iterator[Move]:
        start = self.samples.space.name if self.samples is not None else None
        for name, direction in directions.items():
            yield name, None
            if self.by_layer:
                try:
                    space = generator.space_for(direction.space, "0", start)
                except InterpganError as error:
                    raise InterpganError(
                        f"'{name}' cannot be moved layer by layer, as codes of {direction.space} have no layers "
                        "here; leave out by_layer"
                    ) from error
                for layer in generator.spaces[space].layer_numbers(direction.layers):
                    yield name, layer

    def _shift(self, move: Move, directions: Mapping[str, Direction], far: Mapping[str, float]) -> Shift:
        name, layer = move
        layers = None if layer is None else str(layer)
        return Shift(direction=directions[name], strength=far[name], layers=layers)

    def _batches(self, generator: Generator) -> Iterator[LatentBatch]:
        if self.samples is not None:
            return self.samples.split(self.batch_size)
        return generator.stream(Ranges(self.seeds), self.batch_size)

    def _score(self, batch: LatentBatch, generator: Generator) -> Tensor:
        """(n, attributes) float64; NaN where there is no score."""
        import torch

        with torch.no_grad():
            found = self.scorer(generator.images(batch, self.batch_size)).double().cpu()
        if tuple(found.shape) != (len(batch), len(self.scorer.names)):
            raise InterpganError(
                f"the scorer has {len(self.scorer.names)} attributes and returned scores of shape "
                f"{tuple(found.shape)} for {len(batch)} pictures"
            )
        return found.where(found.isfinite(), torch.nan)

    def _told(
        self, name: str, direction: Direction, far: float, changed: Mapping[Move, _Changes], said: Any
    ) -> Direction:
        whole = changed[name, None]
        change = self._named(whole.mean("change"))
        own = own_attribute(name, direction, self.scorer.names)
        layers = {
            str(layer): self._named(found.mean("rise"))
            for (moved, layer), found in changed.items()
            if moved == name and layer is not None
        }
        notes = {
            **direction.notes,
            "verified": {
                **said, "own": own, "change": change, "rise": self._named(whole.mean("rise")), "layers": layers,
            },
        }  # fmt: skip
        gained = change[own] if own else None
        if gained:
            notes["score_per_unit"] = gained / far
        return replace(direction, notes=notes)

    def _named(self, numbers: Tensor) -> dict[str, float | None]:
        """attribute -> number; None for NaN, which JSON cannot say."""
        pairs = zip(self.scorer.names, numbers.tolist(), strict=True)
        return {name: None if number != number else number for name, number in pairs}


class _Changes:
    """Sums over samples of how scores have changed, of `count` attributes."""

    def __init__(self, count: int) -> None:
        import torch

        zeros = torch.zeros(count, dtype=torch.float64)
        self.sums = {"change": zeros, "rise": zeros}
        self.known = zeros

    def add(self, before: Tensor, after: Tensor) -> None:
        """Args: before, after: (n, count) float64; a sample without both scores is left out."""
        change = after - before
        self.sums = {
            "change": self.sums["change"] + change.nansum(0),
            "rise": self.sums["rise"] + change.clamp(min=0).nansum(0),
        }
        self.known = self.known + (~change.isnan()).sum(0)

    def mean(self, what: Literal["change", "rise"]) -> Tensor:
        """(count,) float64; NaN where no sample has a score."""
        return self.sums[what] / self.known


def _deviations(scores: Tensor) -> Tensor:
    """(n, a) -> (a,); over the samples that have a score."""
    centred = scores - scores.nanmean(0)
    return (centred**2).nanmean(0).sqrt()
