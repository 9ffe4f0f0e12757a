"""Directions that have been verified: what they moved, in tables and a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interpgan_core import DirectionSet, Picture, Report, Strip, Table
from interpgan_interfacegan.heat import write_heat

HEAT = "changes.png"
MATRIX = "Change of every score, in deviations"
FULL = 2.0  # deviations that have the darkest colour; the same in every picture, so that they compare


class Verified(DirectionSet):
    """Directions whose note `verified` tells how scores change along them.

    Of each: `samples`, `strength` and its `unit`; the `attributes` in the scorer's order; `own`, the attribute that
    the direction is of, or None; and by attribute, in units of the score, the mean `change`, the mean `rise` (falls
    count 0), the `deviation` of the scores over unmoved samples, and the rise by `layers`. An edit reads the note
    `score_per_unit`.
    """

    def matrix(self) -> list[list[float | None]]:
        """The mean change of each attribute (columns) along each direction (rows), in deviations of its score.

        None where an attribute has no score, or the same in all samples.
        """
        return [list(_in_deviations(self._notes(name), "change").values()) for name in self]

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors`, and the matrix as a picture, into the folder."""
        super().save(folder)
        write_heat(folder, HEAT, self.matrix(), list(self), self._attributes(), FULL)

    def summary(self) -> Report:
        """What the report shows of them: the matrix, the ranking, and the rise by layer where it was measured."""
        told = next(map(self._notes, self))
        unit = {"space": "units of the space", "sigma": "standard deviations of the codes along it"}[
            told["unit"]
        ]
        moved = f"{told['samples']} samples moved by {told['strength']:+g} {unit}"
        alt = f"The numbers of the table {MATRIX!r}, as colours."
        picture = Picture(HEAT, "", alt)
        tables = [self._matrix_table(moved), self._ranking()]
        if any(self._notes(name)["layers"] for name in self):
            tables.append(self._by_layer())
        return Report(strips=(Strip(MATRIX, (picture,)),), tables=tuple(tables))

    def _notes(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self[name].notes["verified"]
        return found

    def _attributes(self) -> list[str]:
        names: list[str] = next(map(self._notes, self))["attributes"]
        return names

    def _matrix_table(self, moved: str) -> Table:
        rows = tuple((name, *row) for name, row in zip(self, self.matrix(), strict=True))
        note = f"Mean over {moved}, divided by the deviation of the score over the unmoved ones."
        return Table(MATRIX, ("direction", *self._attributes()), rows, note)

    def _ranking(self) -> Table:
        rows = []
        for name in self:
            notes = self._notes(name)
            own, changes = notes["own"], _in_deviations(notes, "change")
            other = _largest({k: v for k, v in changes.items() if k != own})
            rise = _in_deviations(notes, "rise")[own] if own else None
            change, besides = (changes[a] if a else None for a in (own, other))
            answer = None if change is None else "yes" if change > abs(besides or 0) else "no"
            rows.append((name, own, notes["rise"].get(own), rise, change, other, besides, answer))
        rows.sort(key=lambda row: -math.inf if row[3] is None else row[3], reverse=True)
        columns = (
            "direction", "own attribute", "rise", "rise, deviations", "change, deviations", "most besides",
            "its change", "own moves most",
        )  # fmt: skip
        note = (
            "Rise: mean of max(score after - before, 0) of the direction's own attribute, in units of the score and in "
            "its deviations, which rank the directions (HiGAN). A direction that is of no scored attribute shows what "
            "it moves most."
        )
        return Table("Ranking", columns, tuple(rows), note)

    def _by_layer(self) -> Table:
        numbers = sorted({int(layer) for name in self for layer in self._notes(name)["layers"]})
        rows = []
        for name in self:
            notes = self._notes(name)
            attribute = notes["own"] or _largest(_in_deviations(notes, "rise"))
            deviation = notes["deviation"].get(attribute)
            found = {int(k): _share(v[attribute], deviation) for k, v in notes["layers"].items() if attribute}
            order = sorted((k for k, v in found.items() if v), key=lambda k: -(found[k] or 0))
            rows.append((name, attribute, *(found.get(k) for k in numbers), ", ".join(map(str, order[:3]))))
        note = (
            "Of the direction's own attribute, or else of the one that rises most, in deviations, with one layer moved "
            "at a time: where in the network it is made."
        )
        columns = ("direction", "attribute", *map(str, numbers), "most in layers")
        return Table("Rise by layer", columns, tuple(rows), note)


def _share(number: float | None, deviation: float | None) -> float | None:
    return number / deviation if number is not None and deviation else None


def _in_deviations(notes: Mapping[str, Any], what: str) -> dict[str, float | None]:
    return {name: _share(notes[what][name], notes["deviation"][name]) for name in notes["attributes"]}


def _largest(numbers: Mapping[str, float | None]) -> str | None:
    known = {name: abs(number) for name, number in numbers.items() if number is not None}
    return max(known, key=lambda name: known[name], default=None)
