"""What the operators return: directions that show in the report what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from interpgan_core import Direction, DirectionSet, Report, Table

COLUMNS = {
    "validation": "validation_accuracy",
    "the rest": "rest_accuracy",
    "stability": "stability",
    "fitted on": "fitted",
    "validated on": "validated",
    "rest": "rest",
    "no score": "dropped",
    "threshold": "threshold",
}
"""Heading -> note of a boundary."""


class Boundaries(DirectionSet):
    """One boundary an attribute; the notes of each say how it was found and how good it is."""

    def summary(self) -> Report:
        """What the report shows of them: accuracies, stability and sample counts of every boundary."""
        rows = tuple((name, *(d.notes.get(note) for note in COLUMNS.values())) for name, d in self.items())
        first = next(iter(self.values()))
        solver = first.notes["solver"]
        table = Table(f"Boundaries in {first.space}, {solver}", ("attribute", *COLUMNS), rows)
        notes = [
            "Validation: share of the held-out extremes that are on their side. The rest: share of all other "
            "scored samples that are on the side of the threshold where their score is"
            + ("." if solver == "svm" else f"; {solver} was fitted on these too.")
            + " Stability: mean cosine between the boundaries of two halves of the samples fitted on; it says most "
            "about a direction, validation on extremes least."
        ]
        stopped = [name for name, d in self.items() if not d.notes["converged"]]
        if stopped:
            notes.append(
                f"The solver reached its limit of rounds for {', '.join(stopped)}: the plane is near the best, not "
                "at it. Where stability is low too, take logistic."
            )
        return Report(tables=(table,), notes=tuple(notes))


@dataclass(frozen=True, eq=False)
class _Kept(Direction):
    """A direction that shows what its notes say."""

    @classmethod
    def of(cls, direction: Direction) -> Self:
        """The same direction."""
        return cls(**{field.name: getattr(direction, field.name) for field in fields(Direction)})

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls.of(Direction.load(folder))


@dataclass(frozen=True, eq=False)
class Boundary(_Kept):
    """One boundary; its notes are those of `Boundaries`."""

    def summary(self) -> Report:
        """What the report shows of it: its row of the table of boundaries."""
        return Boundaries({self.notes["attribute"]: self}).summary()


@dataclass(frozen=True, eq=False)
class Conditioned(_Kept):
    """A direction without what it shared with others; its notes say what was taken and what is left."""

    def summary(self) -> Report:
        """What the report shows of it: how far it turned, and the cosine with each condition, before and after."""
        conditions = self.notes["conditions"]
        rows = tuple((c["name"], c["before"], c["after"]) for c in conditions)
        title = f"{self.notes['attribute']} without {', '.join(c['name'] for c in conditions)}"
        note = (
            f"{self.notes['residual']:.4f} of its length was left, and it turned by "
            f"{self.notes['degrees']:.1f} degrees."
        )
        return Report(tables=(Table(title, ("condition", "cosine before", "cosine after"), rows, note),))
