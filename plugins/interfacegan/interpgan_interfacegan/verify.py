"""The operator `interfacegan.verify`: how every score changes as samples move along each direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

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
    score_images,
    sigma,
)
from interpgan_core.plugin import remark
from interpgan_interfacegan.inputs import Directions, check_not_empty
from interpgan_interfacegan.verify_report import VerifiedDirections, VerifiedNote

if TYPE_CHECKING:
    from torch import Tensor

ShiftKey = tuple[str, int | None]
"""Name of a direction, and the only layer that is shifted; None: all of its layers."""


class Verify(Operator):
    """Move samples along each direction, score them again, and measure how every attribute has changed.

    The result has the same directions, with a note of how much their score changes for one unit: an edit along them
    takes `unit: score`.

    Source: HiGAN (Yang et al., IJCV 2021): directions are ranked by the mean of max(F(G(z + λn)) - F(G(z)), 0),
        λ = 2, over 2000 samples, whole and layer by layer; SeFa (Shen and Zhou, CVPR 2021), Tab. 2: every
        attribute for every direction. Deviation: changes are also in standard deviations of the scores.
    """

    directions: Directions
    """A set, or some under names of your own: {plain: $found.smile, alone: $smile}."""
    scorer: Input[Scorer]
    seeds: Seeds = "0-1999"
    """Samples to move."""
    samples: Input[LatentBatch] | None = None
    """Those of a step in place of seeds, such as truncated ones."""
    strength: Annotated[float, Field(gt=0)] = 2.0
    """How far they are moved."""
    unit: Literal["space", "sigma"] = "space"
    """Of the strength: units of the space, or standard deviations of the codes along each direction."""
    by_layer: bool = False
    """Move the layers of each direction one by one, too."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples that are rendered and scored at once."""

    def check(self, generator: Generator) -> VerifiedDirections:
        check_not_empty(self.directions)
        if self.samples is None:
            _check_count(len(Ranges(self.seeds)))
        one = generator.sample([0]) if self.samples is None else self.samples
        for _, shift in self._shifts(dict.fromkeys(self.directions, 1.0), generator):
            shift.run(one, generator)
        return VerifiedDirections(
            {
                name: replace(direction, notes={**direction.notes, "score_per_unit": 1.0})
                for name, direction in self.directions.items()
            }
        )

    def run(self, generator: Generator, progress: Progress) -> VerifiedDirections:
        import torch

        check_not_empty(self.directions)
        count = len(Ranges(self.seeds) if self.samples is None else self.samples)
        _check_count(count)
        strengths = {
            name: self.strength * (sigma(d, generator) if self.unit == "sigma" else 1.0)
            for name, d in self.directions.items()
        }
        shifts = dict(self._shifts(strengths, generator))
        changes = {key: _Changes(len(self.scorer.names)) for key in shifts}
        before = []
        total = -(-count // self.batch_size)
        what = f"verifying, {len(shifts)} shifts of {count} samples"
        for batch in progress(self._batches(generator), total=total, what=what):
            before.append(self._scores(batch, generator))
            for key, shift in shifts.items():
                changes[key].add(before[-1], self._scores(shift.run(batch, generator), generator))
        scores = torch.cat(before)
        missing = zip(self.scorer.names, scores.isnan().sum(0).tolist(), strict=True)
        if words := ", ".join(f"'{name}' of {number}" for name, number in missing if number):
            remark(f"of {count} samples, scores are missing: {words}; their changes are left out")
        standard_deviation = self._by_attribute(_standard_deviation(scores))
        verified = {}
        for name, direction in self.directions.items():
            note: VerifiedNote = {
                "samples": count,
                "strength": self.strength,
                "unit": self.unit,
                "attributes": list(self.scorer.names),
                "standard_deviation": standard_deviation,
                "own": _own_attribute(name, direction, self.scorer.names),
                "change": self._by_attribute(changes[name, None].mean("change")),
                "rise": self._by_attribute(changes[name, None].mean("rise")),
                "layers": {
                    str(layer): self._by_attribute(change.mean("rise"))
                    for (shifted, layer), change in changes.items()
                    if shifted == name and layer is not None
                },
            }
            verified[name] = _with_note(direction, note, strengths[name])
        return VerifiedDirections(verified)

    def _shifts(
        self, strengths: Mapping[str, float], generator: Generator
    ) -> Iterator[tuple[ShiftKey, Shift]]:
        start = self.samples.space.name if self.samples is not None else None
        for name, direction in self.directions.items():
            yield (name, None), Shift(direction=direction, strength=strengths[name])
            if self.by_layer:
                try:
                    space = generator.space_for(direction.space, "0", start)
                except InterpganError as error:
                    raise InterpganError(
                        f"'{name}' cannot be moved layer by layer, as codes of {direction.space} have no layers "
                        "here; leave out by_layer"
                    ) from error
                for layer in generator.spaces[space].layer_numbers(direction.layers):
                    shift = Shift(direction=direction, strength=strengths[name], layers=str(layer))
                    yield (name, layer), shift

    def _batches(self, generator: Generator) -> Iterator[LatentBatch]:
        if self.samples is not None:
            return self.samples.split(self.batch_size)
        return generator.stream(Ranges(self.seeds), self.batch_size)

    def _scores(self, batch: LatentBatch, generator: Generator) -> Tensor:
        """(n, attributes) float64; NaN where there is no score."""
        import torch

        with torch.no_grad():
            images = generator.images(batch, self.batch_size)
        scores = score_images(self.scorer, images).double()
        return scores.where(scores.isfinite(), torch.nan)

    def _by_attribute(self, numbers: Tensor) -> dict[str, float | None]:
        """attribute -> number; None for NaN, which JSON does not have."""
        pairs = zip(self.scorer.names, numbers.tolist(), strict=True)
        return {name: None if number != number else number for name, number in pairs}


class _Changes:
    """Sums over samples of how their scores have changed, of `count` attributes."""

    def __init__(self, count: int) -> None:
        import torch

        zeros = torch.zeros(count, dtype=torch.float64)
        self.sums = {"change": zeros, "rise": zeros}
        self.scored = zeros

    def add(self, before: Tensor, after: Tensor) -> None:
        """Args: before, after: (n, count) float64; a sample without both scores is left out."""
        change = after - before
        self.sums = {
            "change": self.sums["change"] + change.nansum(0),
            # HiGAN ranks by the mean of max(F(G(z + λn)) - F(G(z)), 0), so that falls do not cancel rises.
            "rise": self.sums["rise"] + change.clamp(min=0).nansum(0),
        }
        self.scored = self.scored + (~change.isnan()).sum(0)

    def mean(self, what: Literal["change", "rise"]) -> Tensor:
        """(count,) float64; NaN where no sample has a score."""
        return self.sums[what] / self.scored


def _standard_deviation(scores: Tensor) -> Tensor:
    """(n, a) -> (a,); over the samples that have a score."""
    centred = scores - scores.nanmean(0)
    return (centred**2).nanmean(0).sqrt()


def _own_attribute(name: str, direction: Direction, scored: Sequence[str]) -> str | None:
    """The scored attribute that a direction is of: the one its notes name, or else its own name; or None."""
    known = (str(direction.notes.get("attribute", "")), name)
    return next((word for word in known if word in scored), None)


def _with_note(direction: Direction, note: VerifiedNote, strength: float) -> Direction:
    """The direction with the note `verified`, and with `score_per_unit` where its own score has changed."""
    notes = {**direction.notes, "verified": note}
    gained = note["change"][note["own"]] if note["own"] else None
    if gained:
        notes["score_per_unit"] = gained / strength
    return replace(direction, notes=notes)


def _check_count(count: int) -> None:
    if count < 2:
        raise InterpganError(f"{count} samples have no standard deviation; verify on 2 at least, better 2000")
