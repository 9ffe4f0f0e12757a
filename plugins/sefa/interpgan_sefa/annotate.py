"""The operator `sefa.annotate`: names for directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Report,
    Sample,
    Scorer,
    Seeds,
    Shift,
    Table,
)
from interpgan_sefa.measures import cosines, score_changes

if TYPE_CHECKING:
    from torch import Tensor

SetName = Annotated[str, Field(pattern=r"^[\w-]+$")]
Measure = Literal["cosine", "change"]
"""The cosine of a direction with the boundary of an attribute, or the change of an attribute's score along it."""


class NamedDirections(DirectionSet):
    """One direction for each attribute, and the tables that show why it is that one.

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
    def load(cls, folder: Path, generator: Generator | None = None) -> Self:
        """Read what `save` wrote."""
        return cls(DirectionSet.load(folder), Report.load(folder).tables)

    def summary(self) -> Report:
        """The tables."""
        return Report(tables=self.tables)


class Annotate(Operator):
    """Name directions after attributes, by known boundaries or by the scores of samples that are moved along them.

    For every attribute the result has the direction closest to it, pointing to more of it: `$named.smile`, or of
    several sets side by side `$named.sefa.smile`. One direction may be closest to several attributes.

    Source: Shen & Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021, tables 1 and 2.
    """

    directions: Input[DirectionSet] | Annotated[dict[SetName, Input[DirectionSet]], Field(min_length=1)]
    """Directions of SeFa, GANSpace or any other source: one set, or several by their names."""
    boundaries: Input[DirectionSet] | Annotated[dict[str, Input[Direction]], Field(min_length=1)] | None = (
        None
    )
    """One boundary for each attribute, in the same space; closest is the direction of greatest absolute cosine."""
    scorer: Input[Scorer] | None = None
    """In place of boundaries; closest is the direction along which the score changes most."""
    strength: Annotated[float, Field(gt=0)] = 2.0
    """For the scorer: how far samples move along every direction."""
    unit: Literal["space", "sigma"] = "space"
    """Of the strength, as in `walk`."""
    seeds: Seeds = "0-199"
    """For the scorer: the samples."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """For the scorer: images at once."""

    @model_validator(mode="after")
    def _boundaries_or_scorer(self) -> Self:
        if (self.boundaries is None) == (self.scorer is None):
            raise InterpganError("name either by boundaries or by a scorer; for both, write two steps")
        return self

    def run(self, progress: Progress, generator: Generator | None = None) -> NamedDirections:
        sets = self.directions if isinstance(self.directions, dict) else {"": self.directions}
        if not all(len(some) for some in (*sets.values(), self.boundaries) if some is not None):
            raise InterpganError("one of these sets is empty; give sets of one direction at least")
        if self.boundaries is not None:
            values = {key: cosines(directions, self.boundaries) for key, directions in sets.items()}
            note = "Cosine of each direction, as found, with each boundary; cosine distance: 1 - |cosine|."
            return name_directions(sets, tuple(self.boundaries), values, "cosine", note)
        assert self.scorer is not None
        if generator is None:
            raise InterpganError("a scorer needs images; put {use: generator, …} before this step")
        batch = Sample(seeds=self.seeds).run(generator)
        values = {}
        for key, directions in sets.items():
            shifts = (
                Shift(direction=direction, strength=self.strength, unit=self.unit).run(batch, generator)
                for direction in directions.values()
            )
            shifted = progress(
                shifts, total=len(directions), what=f"moving along {len(directions)} directions"
            )
            values[key] = score_changes(shifted, batch, generator, self.scorer, self.batch_size)
        strength = f"{self.strength:g}" + (" standard deviations" if self.unit == "sigma" else "")
        note = f"Mean change of the score as {len(batch)} samples move by {strength} along the direction as found."
        return name_directions(sets, self.scorer.names, values, "change", note)


def name_directions(
    sets: Mapping[str, Mapping[str, Direction]],
    attributes: Sequence[str],
    values: Mapping[str, Tensor],
    measure: Measure,
    note: str,
) -> NamedDirections:
    """For each set and each attribute, the direction closest to it, pointing to more of it.

    Args:
        sets: set name -> directions; "" for a single set, whose name is left out.
        attributes: a of them.
        values: set name -> (k, a); the cosine or change of each direction for each attribute, signed.
        measure: what the values are.
        note: the same in a sentence, for the report.

    Returns:
        "smile", or "sefa.smile" of the set `sefa`; without the attributes for which all values are 0. The notes
        hold the attribute, the component (the direction's name in its set), the sign (-1: it was reversed) and,
        under the name of the measure, its value before it was reversed.
    """
    found, rows = {}, []
    for i, attribute in enumerate(attributes):
        row: list[str | float | None] = [attribute]
        for key, directions in sets.items():
            column = values[key][:, i]
            closest = int(column.abs().argmax())
            value, component = float(column[closest]), list(directions)[closest]
            if value == 0:
                row += [None, None, None]
                continue
            direction, sign = directions[component], 1 if value > 0 else -1
            notes = {"attribute": attribute, "component": component, "sign": sign, measure: value}
            found[_prefixed(key, attribute, ".")] = replace(
                direction,
                vector=sign * direction.vector,
                bias=sign * direction.bias,
                notes={**direction.notes, **notes},
            )
            size = 1 - abs(value) if measure == "cosine" else abs(value)
            row += [component, size, "+" if sign > 0 else "-"]
        rows.append(tuple(row))
    heads = ("direction", "cosine distance" if measure == "cosine" else "change", "sign")
    columns = ("attribute", *(_prefixed(key, head, " ") for key in sets for head in heads))
    names = Table("The direction closest to each attribute", columns, tuple(rows), "Sign -: it was reversed.")
    details = (
        Table(
            _prefixed(key, f"{measure} of every direction", ": "),
            ("direction", *attributes),
            tuple((name, *row) for name, row in zip(directions, values[key].tolist(), strict=True)),
            note,
        )
        for key, directions in sets.items()
    )
    return NamedDirections(found, (names, *details))


def _prefixed(key: str, word: str, separator: str) -> str:
    return f"{key}{separator}{word}" if key else word
