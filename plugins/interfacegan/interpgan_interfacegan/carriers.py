"""What may carry an attribute in a layer: the units of its maps and its channels of S, ranked by correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import Generator, Shift

if TYPE_CHECKING:
    from torch import Tensor

CARRIERS = ("direction", "units", "channels")


@dataclass(frozen=True, eq=False)
class Move:
    """What is moved in one layer for one attribute.

    Args:
        attribute: position among the scorer's.
        carrier: one of CARRIERS.
        layer: number of the layer in codes, or its name where no code is its own.
        where: positions of units in the layer's maps, or of channels in a code of S; empty for a direction.
        by: (k,) how far each is moved, in its own units; for a direction the shift is in `shift`.
        shift: of a direction, in this layer alone.
    """

    attribute: int
    carrier: str
    layer: int | str
    where: tuple[int, ...] = ()
    by: Tensor | None = None
    shift: Shift | None = None


class Ranking:
    """Sums for the correlations of units and channels with scores, in constant memory.

    Args:
        generator: whose layers.
        styled: rank channels of S, too.

    Attributes:
        names: layer, as `Move` has it, to the name of its maps.
    """

    def __init__(self, generator: Generator, styled: bool) -> None:
        self.names: dict[int | str, str] = {}
        self.columns: list[tuple[str, int | str, int]] = []  # carrier, layer, position, of every column
        for name, (units, _, _) in generator.layer_shapes().items() if generator.layers else ():
            number = generator.layer_number(name)
            key: int | str = name if number is None else number
            self.names[key] = name
            self.columns += [("units", key, i) for i in range(units)]
        self.within: dict[int, int] = {}  # entry of S: place within its layer
        if styled:
            of = generator.spaces["s"].layer_of
            assert of is not None
            counted: dict[int, list[int]] = {}
            for i, layer in enumerate(of.tolist()):
                counted.setdefault(layer, []).append(i)
                self.columns.append(("channels", layer, i))
            self.within = {i: k for some in counted.values() for k, i in enumerate(some)}
        self.count = 0

    def add(self, columns: Tensor, scores: Tensor) -> None:
        """Args: columns: (n, d) float64. scores: (n, a) float64; a missing one counts as the first samples' mean."""
        if not self.count:  # near the means, so that little cancels
            self.origin = (columns.mean(0), scores.nanmean(0).nan_to_num(0.0))
            d, a = columns.shape[1], scores.shape[1]
            self.sums = [columns.new_zeros(shape) for shape in ((d,), (a,), (d,), (a,), (d, a))]
        columns, scores = columns - self.origin[0], (scores - self.origin[1]).nan_to_num(0.0)
        new = (
            columns.sum(0),
            scores.sum(0),
            columns.square().sum(0),
            scores.square().sum(0),
            columns.T @ scores,
        )
        self.sums = [old + more for old, more in zip(self.sums, new, strict=True)]
        self.count += len(columns)

    @property
    def deviation(self) -> Tensor:
        """(a,) float64; NaN where a score is the same in all samples."""
        import torch

        _, first, _, square, _ = self.sums
        found = ((square - first.square() / self.count).clamp_min(0) / (self.count - 1)).sqrt()
        return found.where(found > 0, torch.nan)

    def moves(self, attributes: Sequence[int], count: int, strength: float) -> Iterator[Move]:
        """The best of every layer for every attribute, moved towards more of it."""
        first, of_scores, square, _, product = self.sums
        spread = ((square - first.square() / self.count).clamp_min(0) / (self.count - 1)).sqrt()
        together = product - first.outer(of_scores) / self.count  # covariances, but for a constant
        slopes = (together / spread[:, None]).where(spread[:, None] > 0, 0)
        groups: dict[tuple[str, int | str], list[int]] = {}
        for column, (carrier, layer, _) in enumerate(self.columns):
            groups.setdefault((carrier, layer), []).append(column)
        for j in attributes:
            for (carrier, layer), columns in groups.items():
                order = slopes[columns, j].abs().argsort(descending=True, stable=True)[:count].tolist()
                chosen = [columns[k] for k in order if slopes[columns[k], j] != 0]
                if chosen:
                    by = strength * spread[chosen] * slopes[chosen, j].sign()
                    yield Move(j, carrier, layer, tuple(self.columns[c][2] for c in chosen), by)

    def shown(self, move: Move) -> list[int]:
        """The numbers that a reader knows: a channel's place within its layer."""
        return [self.within[i] for i in move.where] if move.carrier == "channels" else list(move.where)
