"""Figures of movers as plain values: of one move, and of a set of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interpgan_metrics.effect_matrix import Assigned, assign

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Move:
    """A mover in one sense, at the strength where the factor that it changes most changes by a standard deviation.

    Args:
        mover: its name in its set.
        sense: 1 or -1.
        strength: with its sign, in the mover's own units.
        sigmas: without it, in standard deviations of the codes; of a mover that knows none, in its own units.
        target: position of the factor that changes most.
        reached: has that changed by one standard deviation? If not, this is the largest strength that was tried.
        effects: mean change of every factor, in standard deviations; None where it is not known.
        dependency: mean change of the others for each standard deviation of the target; None where not reached.
        dependency_max: their largest.
        part: the part of the picture that the change is most confined to; "" where it is not measured.
        locality: the mean squared change outside of that part over that inside.
        realism: the change of realism.
        identity: the cosine of identity before and after.
    """

    mover: str
    sense: int
    strength: float
    sigmas: float
    target: int
    reached: bool
    effects: tuple[float | None, ...]
    dependency: float | None = None
    dependency_max: float | None = None
    part: str = ""
    locality: float | None = None
    realism: float | None = None
    identity: float | None = None

    @property
    def label(self) -> str:
        """Its name with its sense."""
        return f"{self.mover}{'+' if self.sense > 0 else '-'}"


@dataclass(frozen=True)
class Figures:
    """The figures of a set of movers.

    Args:
        moves: both senses of each.
        seconds: what it took to find them, where that is known.
    """

    moves: tuple[Move, ...]
    seconds: float | None = None

    @property
    def movers(self) -> list[str]:
        """The names, each once."""
        return list(dict.fromkeys(move.mover for move in self.moves))

    @property
    def reached(self) -> list[Move]:
        """The moves that changed some factor by one standard deviation."""
        return [move for move in self.moves if move.reached]

    def rows(self) -> tuple[list[str], Tensor]:
        """Movers that reached it in some sense, and their effects: the mean of both senses, without signs, (m, a)."""
        import torch

        names = list(dict.fromkeys(move.mover for move in self.reached))
        width = len(self.moves[0].effects) if self.moves else 0
        rows = torch.zeros(len(names), width, dtype=torch.float64)
        for i, name in enumerate(names):
            own = [move for move in self.reached if move.mover == name]
            for move in own:
                sizes = torch.tensor([abs(e or 0.0) for e in move.effects], dtype=torch.float64)
                rows[i] += sizes / sizes.max() / len(own)
        return names, rows

    def assigned(self) -> Assigned:
        """One mover for each factor."""
        return assign(self.rows()[1])

    def best(self, factor: int) -> Move | None:
        """Of the moves whose target is a factor, the one that changes least beside it."""
        own = [m for m in self.reached if m.target == factor and m.dependency is not None]
        return min(own, key=lambda m: m.dependency or 0.0, default=None)

    def summary(self, factors: int) -> dict[str, float | int | None]:
        """All figures of the set, by name.

        Args:
            factors: how many there are.

        Returns:
            Values; None where one is not known. Dependencies, locality, realism and identity are means over the best
            move for each factor that is the target of some move.
        """
        found = self.assigned() if self.moves else None
        best = [move for i in range(factors) if (move := self.best(i)) is not None]
        return {
            "movers": len(self.movers),
            "moves reached": len(self.reached) / len(self.moves) if self.moves else 0.0,
            "targets": len(best),
            "coverage": found.coverage if found else 0.0,
            "disentanglement": found.disentanglement if found else None,
            "completeness": found.completeness if found else None,
            "dependency": _mean([m.dependency for m in best]),
            "dependency, largest": _mean([m.dependency_max for m in best]),
            "dependency of all moves": _mean([m.dependency for m in self.reached]),
            "locality": _mean([m.locality for m in best]),
            "realism": _mean([m.realism for m in best]),
            "identity": _mean([m.identity for m in best]),
            "seconds": self.seconds,
        }

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        moves = [{**vars(move), "effects": list(move.effects)} for move in self.moves]
        return {"seconds": self.seconds, "moves": moves}

    @classmethod
    def from_plain(cls, content: Any) -> Figures:
        """What `plain` gave."""
        moves = tuple(Move(**{**move, "effects": tuple(move["effects"])}) for move in content["moves"])
        return cls(moves, content["seconds"])


def known(number: float) -> float | None:
    """A number, or None for one that is not: JSON has no NaN."""
    return float(number) if math.isfinite(number) else None


def _mean(numbers: Sequence[float | None]) -> float | None:
    values = [n for n in numbers if n is not None]
    return sum(values) / len(values) if values else None
