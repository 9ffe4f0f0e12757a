"""Verified directions, and the report of how every score changes along them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypedDict

from interpgan_core import DirectionSet, Report, Table

MATRIX = "Change of every score, in standard deviations"
FULL = 2.0  # standard deviations that have the darkest colour; the same in every table, so that they compare

Numbers = dict[str, float | None]
"""attribute -> number; None where it has no score."""


class VerifiedNote(TypedDict):
    """The note `verified` of a direction.

    Args:
        samples: how many were moved.
        strength: how far.
        unit: of the strength.
        attributes: in the scorer's order.
        standard_deviation: of each score, over the samples before the shift.
        own: the attribute that the direction is of, or None.
        change: the mean change of each score, in units of the score.
        rise: the same, where falls count as 0.
        layers: the rise with one layer shifted at a time, by the number of the layer.
    """

    samples: int
    strength: float
    unit: Literal["space", "sigma"]
    attributes: list[str]
    standard_deviation: Numbers
    own: str | None
    change: Numbers
    rise: Numbers
    layers: dict[str, Numbers]


class VerifiedDirections(DirectionSet):
    """Directions whose note `verified` holds how scores change along them.

    An edit in units of the score reads the note `score_per_unit`.
    """

    def matrix(self) -> list[list[float | None]]:
        """The mean change of each attribute (columns) along each direction (rows), in standard deviations of its score.

        None where an attribute has no score, or the same in all samples.
        """
        return [list(_standardised(self.note(name), "change").values()) for name in self]

    def summary(self) -> Report:
        """What the report shows of them: the matrix, the ranking, and the rise by layer where it was measured."""
        first = next(map(self.note, self))
        unit = {"space": "units of the space", "sigma": "standard deviations of the codes along it"}
        settings = f"{first['samples']} samples moved by {first['strength']:+g} {unit[first['unit']]}"
        tables = [self._matrix_table(settings), self._ranking()]
        if any(self.note(name)["layers"] for name in self):
            tables.append(self._by_layer())
        return Report(tables=tuple(tables))

    def note(self, name: str) -> VerifiedNote:
        """The note `verified` of one direction."""
        note = self[name].notes["verified"]
        if "deviation" in note:  # the older key of the same numbers
            note = {"standard_deviation": note["deviation"], **note}
        found: VerifiedNote = note
        return found

    def _attributes(self) -> list[str]:
        return next(map(self.note, self))["attributes"]

    def _matrix_table(self, settings: str) -> Table:
        rows = tuple((name, *row) for name, row in zip(self, self.matrix(), strict=True))
        note = f"Mean over {settings}, divided by the standard deviation of the score before the shift."
        return Table(MATRIX, ("direction", *self._attributes()), rows, note, FULL)

    def _ranking(self) -> Table:
        rows = []
        for name in self:
            note = self.note(name)
            own, changes, rises = note["own"], _standardised(note, "change"), _standardised(note, "rise")
            other = _largest({k: v for k, v in changes.items() if k != own})
            rise, own_rise, change = (
                numbers[own] if own else None for numbers in (note["rise"], rises, changes)
            )
            other_change = changes[other] if other else None
            most = None if change is None else "yes" if change > abs(other_change or 0) else "no"
            rows.append((name, own, rise, own_rise, change, other, other_change, most))
        rows.sort(key=lambda row: -math.inf if row[3] is None else row[3], reverse=True)
        columns = (
            "direction", "own attribute", "rise", "rise, standard deviations", "change, standard deviations",
            "other attribute that changes most", "its change", "own changes most",
        )  # fmt: skip
        text = (
            "Rise: mean of max(score after - before, 0) of the direction's own attribute, in units of the score and in "
            "its standard deviations, which rank the directions (HiGAN). A direction that is of no scored attribute "
            "shows which attribute changes most."
        )
        return Table("Ranking", columns, tuple(rows), text)

    def _by_layer(self) -> Table:
        numbers = sorted({int(layer) for name in self for layer in self.note(name)["layers"]})
        rows = []
        for name in self:
            note = self.note(name)
            attribute = note["own"] or _largest(_standardised(note, "rise"))
            rises = {
                int(layer): _ratio(rise[attribute], note["standard_deviation"][attribute])
                for layer, rise in note["layers"].items()
                if attribute
            }
            order = sorted((k for k, v in rises.items() if v), key=lambda k: -(rises[k] or 0))
            rows.append((name, attribute, *(rises.get(k) for k in numbers), ", ".join(map(str, order[:3]))))
        text = (
            "Of the direction's own attribute, or else of the one that rises most, in standard deviations, with one "
            "layer shifted at a time: which layers of the network make it."
        )
        columns = ("direction", "attribute", *map(str, numbers), "most in layers")
        return Table("Rise by layer", columns, tuple(rows), text)


def _ratio(number: float | None, standard_deviation: float | None) -> float | None:
    return number / standard_deviation if number is not None and standard_deviation else None


def _standardised(note: VerifiedNote, what: Literal["change", "rise"]) -> Numbers:
    """The changes or rises in standard deviations of the scores."""
    return {name: _ratio(note[what][name], note["standard_deviation"][name]) for name in note["attributes"]}


def _largest(numbers: Mapping[str, float | None]) -> str | None:
    """The attribute of the largest absolute number."""
    known = {name: abs(number) for name, number in numbers.items() if number is not None}
    return max(known, key=lambda name: known[name], default=None)
