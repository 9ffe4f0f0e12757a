"""Names for directions, from a table of how much each has of each attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from interpgan_core import Direction, DirectionSet, Report, Table

if TYPE_CHECKING:
    from torch import Tensor

Measure = Literal["cosine", "change"]
"""Of a direction with the boundary of an attribute; of an attribute's score along a direction."""


class Named(DirectionSet):
    """One direction an attribute, and the tables that say why it is that one.

    Args:
        directions: name -> direction.
        tables: what the report shows.
    """

    def __init__(self, directions: Mapping[str, Direction], tables: tuple[Table, ...] = ()) -> None:
        super().__init__(directions)
        self.tables = tables

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` and `report.json` into the folder."""
        super().save(folder)
        self.summary().save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls(DirectionSet.load(folder), Report.load(folder).tables)

    def summary(self) -> Report:
        """The tables."""
        return Report(tables=self.tables)


def named(
    sets: Mapping[str, Mapping[str, Direction]],
    attributes: Sequence[str],
    shares: Mapping[str, Tensor],
    measure: Measure,
    note: str,
) -> Named:
    """The direction of each set that has most of each attribute, turned to more of it.

    Args:
        sets: of directions, by name; "" is no name.
        attributes: a of them.
        shares: (k, a) of each set; how much a direction has of an attribute, below 0 against it.
        measure: what the shares are.
        note: the same in a sentence.

    Returns:
        "smile", or "sefa.smile" of the set `sefa`; without the attributes that no direction has any of. The
        notes say attribute, component (the name it had), sign (-1: it was turned) and, under the name of the
        measure, what it had of the attribute before it was turned.
    """
    found, rows = {}, []
    for i, attribute in enumerate(attributes):
        row: list[str | float | None] = [attribute]
        for key, directions in sets.items():
            column = shares[key][:, i]
            best = int(column.abs().argmax())
            share, component = float(column[best]), list(directions)[best]
            if share == 0:
                row += [None, None, None]
                continue
            one, sign = directions[component], 1 if share > 0 else -1
            notes = {"attribute": attribute, "component": component, "sign": sign, measure: share}
            found[_joined(key, attribute, ".")] = replace(
                one, vector=sign * one.vector, bias=sign * one.bias, notes={**one.notes, **notes}
            )
            size = 1 - abs(share) if measure == "cosine" else abs(share)
            row += [component, size, "+" if sign > 0 else "-"]
        rows.append(tuple(row))
    heads = ("direction", "cosine distance" if measure == "cosine" else "change", "sign")
    columns = ("attribute", *(_joined(key, head, " ") for key in sets for head in heads))
    names = Table("The direction closest to each attribute", columns, tuple(rows), "Sign -: it was turned.")
    every = (
        Table(
            _joined(key, f"{measure} of every direction", ": "),
            ("direction", *attributes),
            tuple((name, *row) for name, row in zip(directions, shares[key].tolist(), strict=True)),
            note,
        )
        for key, directions in sets.items()
    )
    return Named(found, (names, *every))


def _joined(key: str, word: str, by: str) -> str:
    return f"{key}{by}{word}" if key else word
