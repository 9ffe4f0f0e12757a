"""The operator `text.directions`: global directions of texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
    Table,
)
from interpgan_text.net import Text, TextImageNet, check_gradients, toward
from interpgan_text.relevance import by_gradients, entries_of

if TYPE_CHECKING:
    from torch import Tensor


class TextDirections(DirectionSet):
    """Directions of texts, and which entries of the code each of them moves."""

    def summary(self) -> Report:
        """One row a direction."""
        rows = tuple(
            (name, d.notes["text"], d.space, d.notes["entries"], d.notes["threshold"], d.notes["change"])
            for name, d in self.items()
        )
        note = (
            "Threshold (beta): entries below this share of the strongest stay. Change: of the cosine with the text's "
            "direction, for strength 1 in sigma, to first order."
        )
        columns = ("name", "text", "space", "entries", "threshold", "change")
        return Report(tables=(Table("Directions of texts", columns, rows, note),))


class FindGlobalDirections(Operator):
    """Find, for each text, one direction that moves every sample from a neutral text toward it.

    How much an entry of the code moves pictures toward a text is the mean of gradients over samples, times the entry's
    standard deviation; the strongest entries make the direction. Strength 1 in `unit: sigma` moves the strongest of
    them by one standard deviation.

    Source: Patashnik et al., StyleCLIP, ICCV 2021, section 6: alpha is the strength, beta the threshold. Gradients
        are not of the paper: no tables of a million pictures are made, and no entry is left at its mean.
    """

    net: Input[TextImageNet]
    texts: Annotated[dict[str, Text], Field(min_length=1)]
    """Name -> text, such as {smile: a smiling person}; edits use `$step.smile`."""
    neutral: Text = "a person"
    """What is the same before and after."""
    space: str | None = None
    """Of single vectors; left out: s where there is one, else w, else z."""
    entries: Annotated[int, Field(ge=1)] | None = None
    """How many entries of the code move; left out, and without a threshold: 30 in s, all elsewhere."""
    threshold: Annotated[float, Field(ge=0, lt=1)] | None = None
    """In place of a number (beta): entries move whose effect is this share of the strongest one's, at least."""
    seeds: Seeds = "0-99"
    """Samples whose gradients are averaged."""
    spread_seeds: Seeds = "0-1023"
    """Samples whose standard deviations are taken."""
    batch_size: Annotated[int, Field(ge=1)] = 10
    """Samples at once."""

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.entries is not None and self.threshold is not None:
            raise InterpganError("give either 'entries' or 'threshold': both say how many entries move")
        return self

    def check(self, generator: Generator) -> TextDirections:
        space = self._space(generator)
        if len(Ranges(self.spread_seeds)) < 2:
            raise InterpganError("one sample has no standard deviation; give 2 'spread_seeds' at least")
        size = generator.spaces[space].shape[0]
        if self.entries is not None and self.entries > size:
            raise InterpganError(
                f"{self.entries} entries shall move, and a code of {space} has {size}; give fewer"
            )
        toward(self.net, list(self.texts.values()), self.neutral)
        check_gradients(self.net)
        return TextDirections(DirectionSet.expected(self.texts, space, generator))

    def run(self, generator: Generator, progress: Progress) -> TextDirections:
        self.check(generator)
        space = self._space(generator)
        spread = entries_of(generator, space, Ranges(self.spread_seeds), progress)
        changes = toward(self.net, list(self.texts.values()), self.neutral)
        relevance = by_gradients(
            generator, self.net, changes, self._batches(generator, progress), spread.deviation
        )
        return TextDirections(
            {
                name: self._direction(row, spread.mean, spread.deviation, text, space, generator)
                for (name, text), row in zip(self.texts.items(), relevance, strict=True)
            }
        )

    def _batches(self, generator: Generator, progress: Progress) -> Iterator[LatentBatch]:
        seeds = Ranges(self.seeds)
        total = -(-len(seeds) // self.batch_size)
        batches = generator.stream(seeds, self.batch_size, self._space(generator))
        yield from progress(batches, total=total, what=f"differentiating {len(seeds)} samples")

    def _direction(
        self, relevance: Tensor, mean: Tensor, deviation: Tensor, text: str, space: str, generator: Generator
    ) -> Direction:
        """Of one text: the entries that matter, each by its share of the strongest times its deviation."""
        strongest = relevance.abs().max()
        if not strongest > 0:
            raise InterpganError(
                f"no entry of {space} moves pictures toward '{text}'; take another space, or say what is seen"
            )
        shares = relevance / strongest
        if self.threshold is not None:
            least = self.threshold
        else:
            count = self.entries or (min(30, len(shares)) if space == "s" else len(shares))
            least = float(shares.abs().sort(descending=True).values[count - 1])
        shares = shares * (shares.abs() >= least)
        step = shares * deviation
        vector = step / step.norm()
        notes = {
            "text": text,
            "neutral": self.neutral,
            "entries": int((shares != 0).sum()),
            "threshold": least,
            "change": float(relevance @ shares),
            "sigma": float(step.norm()),
        }
        return Direction(vector, space, -float(vector @ mean), generator=generator.fingerprint, notes=notes)

    def _space(self, generator: Generator) -> str:
        known = [name for name in ("s", "w", *generator.spaces) if name in generator.spaces]
        return generator.vector_space(self.space or known[0]).name
