"""The operator `stylespace.attributes`: which channels of S make an attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from interpgan_core import (
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
    Table,
)
from interpgan_stylespace.channels import Channels, channel, channel_names, expected, spread, style_space
from interpgan_stylespace.effects import check_gradient, effects

if TYPE_CHECKING:
    from torch import Tensor

FEW = 2  # positive examples that have a standard deviation


class AttributeChannels(Channels):
    """Channels that make attributes, and the table of them by attribute."""

    def summary(self) -> Report:
        """One row an attribute and channel, the best of each attribute first."""
        found = [
            (attribute, name, sign, direction.notes["ranked"][attribute], direction.notes["sigma"])
            for name, direction in self.items()
            for attribute, sign in direction.notes["of"].items()
        ]
        order = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in found))}
        found.sort(key=lambda row: (order[row[0]], row[3]["rank"]))
        numbers = [key for key in (found[0][3] if found else {}) if key != "rank"]
        rows = tuple(
            (attribute, name, "+" if sign > 0 else "-", *(ranked[key] for key in numbers), deviation)
            for attribute, name, sign, ranked, deviation in found
        )
        note = (
            "Change: of the score, in its standard deviations, for one standard deviation (sigma) of the channel, to "
            "first order. Selectivity: the share of this attribute in the changes of all. Shift: how far the positive "
            "examples lie from the mean, in standard deviations; signal to noise: divided by how much they differ."
        )
        columns = ("attribute", "channel", "sign", *numbers, "sigma")
        return Report(tables=(Table("Channels of each attribute", columns, rows, note),))


class RankByAttribute(Operator):
    """Find the channels of S that make an attribute: from a scorer, or from some samples that have it.

    `$found.smile` is the best channel of an attribute, and points to more of it.

    Source: Wu et al., StyleSpace Analysis, CVPR 2021, section 5: channels whose positive examples lie far from the
        mean of all samples and close to each other. With a scorer, not of the paper: the mean gradient of the score,
        times the share of this attribute in the changes of all.
    """

    scorer: Input[Scorer] | None = None
    """A network; its gradients rank the channels."""
    positives: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)] | None = None
    """In place of a scorer: attribute -> samples that have it, 10 to 30 of them."""
    count: Annotated[int, Field(ge=1)] = 5
    """How many channels to keep of each attribute."""
    seeds: Seeds = "0-255"
    """For the scorer: the samples whose gradients are averaged. For positives: those that they are compared with."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    @model_validator(mode="after")
    def _scorer_or_positives(self) -> Self:
        if (self.scorer is None) == (self.positives is None):
            raise InterpganError("name either a scorer or positives; for both, write two steps")
        return self

    def check(self, generator: Generator) -> AttributeChannels:
        style_space(generator)
        if len(Ranges(self.seeds)) < FEW:
            raise InterpganError("one sample has no standard deviation; give 2 at least, better 200")
        if self.scorer is not None:
            check_gradient(self.scorer, generator)
            return AttributeChannels(expected(generator, self.scorer.names))
        assert self.positives is not None
        for batch in self.positives.values():
            generator.to_space(batch, "s")
        return AttributeChannels(expected(generator, self.positives))

    def run(self, generator: Generator, progress: Progress) -> AttributeChannels:
        seeds = Ranges(self.seeds)
        if self.scorer is not None:
            found = effects(generator, self.scorer, "s", seeds, self.batch_size, progress)
            shares = found.size / found.size.sum(1, keepdim=True).clamp_min(1e-300)
            deviation = found.deviation
            ranked = {
                name: {"change": found.signed[:, j], "selectivity": shares[:, j]}
                for j, name in enumerate(self.scorer.names)
            }
            return self._found(ranked, deviation, generator)
        assert self.positives is not None
        mean, deviation = spread(generator, seeds, progress)
        ranked = {}
        for name, batch in self.positives.items():
            if len(batch) < FEW:
                raise InterpganError(
                    f"'{name}' has {len(batch)} positive examples; give 2 at least, better 10 to 30"
                )
            codes = generator.to_space(batch, "s").codes.cpu().double()
            away = (codes - mean) / deviation.clamp_min(1e-300) * (deviation > 0)
            noise = away.std(0)
            ranked[name] = {
                "shift": away.mean(0), "signal to noise": away.mean(0).abs() / noise.clamp_min(1e-6)
            }  # fmt: skip
        return self._found(ranked, deviation, generator)

    def _found(
        self, ranked: Mapping[str, Mapping[str, Tensor]], deviation: Tensor, generator: Generator
    ) -> AttributeChannels:
        """The best channels of each attribute: by the change times the share, or by the signal to noise."""
        space = style_space(generator)
        names = channel_names(space)
        notes: dict[int, dict[str, Any]] = {}
        for attribute, numbers in ranked.items():
            signed, second = numbers.values()
            worth = signed.abs() * second if self.scorer is not None else second
            order = worth.argsort(descending=True, stable=True)[: self.count].tolist()
            for rank, i in enumerate(order):
                if not worth[i] > 0:
                    break
                note = notes.setdefault(i, {"of": {}, "ranked": {}})
                note["of"][attribute] = 1 if signed[i] > 0 else -1
                note["ranked"][attribute] = {
                    "rank": rank, **{key: float(numbers_of[i]) for key, numbers_of in numbers.items()}
                }  # fmt: skip
        return AttributeChannels(
            {names[i]: channel(i, space, float(deviation[i]), generator, note) for i, note in notes.items()}
        )
