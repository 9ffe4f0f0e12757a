"""What `metrics.disentanglement` returns: the figures of every set, as plain values, and the tables made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from interpgan_core import InterpganError, Report, Table
from interpgan_metrics.measured_moves import Figures, Move

FILE = "disentanglement.json"
FULL = 1.0  # standard deviations that have the darkest colour: the change that every move is matched at


@dataclass(frozen=True)
class Agreement:
    """How alike two sets are.

    Args:
        first: name of a set.
        second: name of another.
        cosine: mean absolute cosine of the movers that belong together.
        chance: the same of as many random directions.
    """

    first: str
    second: str
    cosine: float
    chance: float


@dataclass(frozen=True)
class Disentanglement:
    """Figures of sets of movers.

    Args:
        factors: names.
        sets: name -> figures; "" of a single set.
        agreements: of each two sets.
        realism: what realism was measured by: "discriminator", "distance", or "" if it was not.
    """

    factors: tuple[str, ...]
    sets: Mapping[str, Figures] = field(default_factory=lambda: MappingProxyType({}))
    agreements: tuple[Agreement, ...] = ()
    realism: str = ""

    def figures(self) -> dict[str, dict[str, float | int | None]]:
        """name of a set -> figure -> value."""
        return {name: found.summary(len(self.factors)) for name, found in self.sets.items()}

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "factors": list(self.factors),
            "realism": self.realism,
            "sets": {name: found.plain() for name, found in self.sets.items()},
            "figures": self.figures(),
            "agreements": [asdict(one) for one in self.agreements],
        }

    def save(self, folder: Path) -> None:
        """Write `disentanglement.json`, and the tables as a report and as CSV, into the folder."""
        (folder / FILE).write_text(json.dumps(self.plain(), indent=1), encoding="utf-8")
        self.summary().save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote.

        Raises:
            InterpganError: if it is damaged.
        """
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(
                tuple(content["factors"]),
                {name: Figures.from_plain(found) for name, found in content["sets"].items()},
                tuple(Agreement(**one) for one in content["agreements"]),
                content["realism"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InterpganError(
                f"{folder / FILE} is missing or damaged; run metrics.disentanglement again"
            ) from error

    def summary(self) -> Report:
        """The figures, the best move for each factor, the matrix of effects, and how alike sets are."""
        tables = [self._figures(), self._best()]
        if self.agreements:
            tables.append(self._agreements())
        tables += [self._effects(name, found) for name, found in self.sets.items()]
        return Report(tables=tuple(tables))

    def _figures(self) -> Table:
        shown = self.figures()
        heads = [
            head
            for head in next(iter(shown.values()), {})
            if any(figures[head] is not None for figures in shown.values())
        ]
        rows = tuple((name or "directions", *(figures[h] for h in heads)) for name, figures in shown.items())
        note = (
            "Coverage: the share of factors for which some mover has more than half of its effects. Disentanglement "
            "and completeness: 0 to 1, of one mover a factor. Dependency: how much other factors change, in standard "
            "deviations, for one of the target; this, locality (change outside of a part over that inside), realism "
            "and identity are means over the best move for each target. Lower is better for dependency and locality."
        )
        real = {
            "discriminator": " Realism: the change of the discriminator's logit, in its standard deviations.",
            "distance": " Realism: the change of the distance to the nearest sample, negative, in median distances.",
        }
        return Table(
            "What movers change, and what else", ("set", *heads), rows, note + real.get(self.realism, "")
        )

    def _best(self) -> Table:
        rows = [
            (name or "directions", factor, *_row(found.best(i)))
            for name, found in self.sets.items()
            for i, factor in enumerate(self.factors)
        ]
        heads = (
            "move", "standard deviations", "dependency", "largest", "part", "locality", "realism", "identity",
        )  # fmt: skip
        kept = [i for i in range(len(heads)) if any(row[i + 2] is not None for row in rows)]
        note = "Of the moves that change a factor most, the one of the least dependency; a dash where there is none."
        columns = ("set", "factor", *(heads[i] for i in kept))
        cut = tuple((*row[:2], *(row[i + 2] for i in kept)) for row in rows)
        return Table("The best move for each factor", columns, cut, note)

    def _agreements(self) -> Table:
        rows = tuple((one.first, one.second, one.cosine, one.chance) for one in self.agreements)
        note = (
            "Mean absolute cosine of the movers that belong together, by linear assignment, of the ways that they move "
            "the same codes; beside it what random directions have, as many."
        )
        return Table("Do two sets agree?", ("set", "and", "agreement", "by chance"), rows, note)

    def _effects(self, name: str, found: Figures) -> Table:
        rows = tuple(
            (move.label, self.factors[move.target] if move.reached else None, *move.effects)
            for move in found.moves
        )
        note = (
            "Mean change in standard deviations, where the factor that changes most changes by one; of a colour "
            "without sign. A dash in place of the target: it is never reached."
        )
        title = f"Effects of {name}" if name else "Effects"
        return Table(title, ("move", "target", *self.factors), rows, note, FULL)


def _row(move: Move | None) -> tuple[str | float | None, ...]:
    if move is None:
        return (None,) * 8
    return (
        move.label, move.sigmas, move.dependency, move.dependency_max, move.part or None, move.locality,
        move.realism, move.identity,
    )  # fmt: skip
