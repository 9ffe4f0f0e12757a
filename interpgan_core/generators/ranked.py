"""Units of a layer in an order, with the levels that they have where they draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.pictures.report import Report, Table

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core.generators.generator import Generator

FILE = "units.safetensors"


@dataclass(frozen=True, eq=False)
class RankedUnits:
    """Units of a layer, the best first: what edits of units take in place of a list of numbers.

    Args:
        layer: name of a synthesis layer.
        units: its channels, the best first.
        scores: (units,) float64, how good each is.
        levels: name -> (units,) or (units, h, w) float32: what the units are set to where they are to draw, such as
            "mean": a number for each, or a map.
        title: what they draw and how that was found, such as "glasses by ace".
        generator: fingerprint of the generator that they are units of; "" where it is not known.

    Raises:
        InterpganError: if there is no unit, one stands twice, or the numbers of units, scores and levels differ.

    Example:
        >>> import torch
        >>> from interpgan_core import RankedUnits
        >>> found = RankedUnits("layers.1", (5, 2), torch.tensor([0.4, 0.1]), {"mean": torch.tensor([1.5, 2.0])})
        >>> found.first(1).units, found.level("mean").tolist()
        ((5,), [1.5, 2.0])
    """

    layer: str
    units: tuple[int, ...]
    scores: Tensor
    levels: Mapping[str, Tensor] = field(default_factory=dict)
    title: str = ""
    generator: str = ""

    def __post_init__(self) -> None:
        if not self.units or len(set(self.units)) != len(self.units):
            raise InterpganError(f"ranked units of layer {self.layer} need one unit at least, each once")
        for name, values in {"scores": self.scores, **self.levels}.items():
            if len(values) != len(self.units) or values.ndim not in ((1,) if name == "scores" else (1, 3)):
                raise InterpganError(
                    f"{len(self.units)} units came with {name} of shape {tuple(values.shape)}"
                )

    def __len__(self) -> int:
        return len(self.units)

    def __repr__(self) -> str:
        named = f" {self.title}" if self.title else ""
        return f"<RankedUnits{named}: {len(self)} of {self.layer}: {', '.join(map(str, self.units[:8]))}>"

    def _repr_html_(self) -> str:
        """As a notebook shows them."""
        return self.summary()._repr_html_()

    @classmethod
    def expected(cls, layer: str, count: int, levels: tuple[str, ...], generator: Generator) -> RankedUnits:
        """A stand-in for units that are yet to be ranked, for an operator's `check`.

        Args:
            layer: that they will be of.
            count: how many.
            levels: names of the levels that they will have.
            generator: that they will be units of.

        Returns:
            The first units of the layer, with levels of 0.
        """
        import torch

        zeros = torch.zeros(count)
        return cls(layer, tuple(range(count)), zeros, dict.fromkeys(levels, zeros), "", generator.fingerprint)

    def first(self, count: int) -> RankedUnits:
        """The best ones.

        Args:
            count: how many, at least 1.

        Returns:
            So many, in the same order.

        Raises:
            InterpganError: if there are not so many.
        """
        if not 1 <= count <= len(self):
            raise InterpganError(f"'count' {count}: {len(self)} units are ranked; give 1 to {len(self)}")
        levels = {name: values[:count] for name, values in self.levels.items()}
        return replace(self, units=self.units[:count], scores=self.scores[:count], levels=levels)

    def level(self, name: str) -> Tensor:
        """What the units are set to where they are to draw.

        Args:
            name: of a level, such as "mean".

        Returns:
            (units,) or (units, h, w) float32.

        Raises:
            InterpganError: if there is no such level.
        """
        if name not in self.levels:
            raise InterpganError(f"these units have no level '{name}'" + did_you_mean(name, self.levels))
        return self.levels[name]

    def level_at(self, name: str, size: Sequence[int]) -> Tensor:
        """The same, as the value of a `FeatureEdit`.

        Args:
            name: of a level.
            size: height and width of the layer's maps.

        Returns:
            (1, units, 1, 1) float32, or (1, units, *size) of a map.

        Raises:
            InterpganError: if there is no such level.
        """
        from torch.nn import functional

        level = self.level(name).float()
        if level.ndim == 1:
            return level.view(1, -1, 1, 1)
        return functional.interpolate(level[None], size=list(size), mode="bilinear", align_corners=False)

    def require_generator(self, generator: Generator) -> None:
        """Check that they are units of a generator.

        Raises:
            InterpganError: if they were ranked in another one.
        """
        if self.generator not in ("", generator.fingerprint):
            raise InterpganError(
                f"these units were ranked in another generator ({self.generator}, not {generator.fingerprint}); "
                "rank the units of this one"
            )

    def save(self, folder: Path) -> None:
        """Write `units.safetensors` into the folder."""
        header = {"layer": self.layer, "units": self.units, "title": self.title, "generator": self.generator}
        tensors = {"scores": self.scores, **{f"level.{name}": values for name, values in self.levels.items()}}
        write_safetensors(folder / FILE, tensors, "units", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote.

        Raises:
            InterpganError: if the file is missing or damaged.
        """
        tensors, header = read_safetensors(folder / FILE, "units")
        try:
            levels = {n.removeprefix("level."): t for n, t in tensors.items() if n.startswith("level.")}
            return cls(
                header["layer"],
                tuple(header["units"]),
                tensors["scores"],
                dict(sorted(levels.items())),
                header["title"],
                header["generator"],
            )
        except KeyError as error:
            raise InterpganError(
                f"{folder / FILE} is damaged: it has no {error}; run again with --fresh"
            ) from error

    def summary(self) -> Report:
        """What the report shows of them: one row a unit."""
        levels = {name: values for name, values in self.levels.items() if values.ndim == 1}
        rows = zip(self.units, self.scores.tolist(), *(v.tolist() for v in levels.values()), strict=True)
        columns = ("unit", "score", *(f"level {name}" for name in levels))
        title = f"Units of {self.layer}" + (f": {self.title}" if self.title else "")
        return Report(tables=(Table(title, columns, tuple(rows)),))
