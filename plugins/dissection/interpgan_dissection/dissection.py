"""What a dissection has found: for each unit of a layer, which part it draws and how well."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core import (
    Generator,
    InterpganError,
    Picture,
    Report,
    Strip,
    Table,
    did_you_mean,
    read_safetensors,
    write_safetensors,
)

if TYPE_CHECKING:
    from torch import Tensor

FILE = "dissection.safetensors"
UNION, RATIO = 0.05, 0.01
"""A unit tells a part if its intersection over union and its information quality ratio are above these."""
FRACTIONS = 129
"""Quantiles that are kept of each unit: reached by 1/10000 to all of the positions, evenly in the logarithm."""
LEVELS = {"99%": 64, "99.9%": 32}
"""Which of these are offered as levels."""


def fractions() -> Tensor:
    """(FRACTIONS,) float64, rising: the shares of positions that reach the quantiles."""
    import torch

    return torch.logspace(-4, 0, FRACTIONS, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Dissection:
    """Units of a layer and the parts that they draw.

    Args:
        layer: of the units.
        parts: names, of the segmenter; empty where none looked.
        generator: fingerprint of the generator.
        samples: how many were looked at.
        levels: (u,) float64, above which a unit is on.
        on: (u,) float64, the share of positions where it is.
        union: (u, parts) float64, intersection over union at that level.
        best_union: (u, parts) float64, the same at the level that tells most of that part, each pair's own.
        ratio: (u, parts) float64, information quality ratio.
        means: (u, parts) float32, the mean of a unit where a part is; NaN where it is nowhere.
        maps: (parts, u, h, w) float32, the mean map of the samples, weighted by how much of a part each shows.
        shares: (parts,) float64, the share of positions that each part fills.
        quantiles: (u, FRACTIONS) float32, falling: the levels that `fractions()` of the positions reach.
        top_values, top_seeds: (u, k) the samples with the strongest answers of each unit, and these; the strongest
            first, seed -1 where there are fewer samples.
        strips: what the report shows.
    """

    layer: str
    parts: tuple[str, ...]
    generator: str
    samples: int
    levels: Tensor
    on: Tensor
    union: Tensor
    best_union: Tensor
    ratio: Tensor
    means: Tensor
    maps: Tensor
    shares: Tensor
    quantiles: Tensor
    top_values: Tensor
    top_seeds: Tensor
    strips: tuple[Strip, ...] = ()

    @classmethod
    def expected(cls, layer: str, units: int, parts: tuple[str, ...], generator: Generator) -> Dissection:
        """A stand-in for one that is yet to be made, for the checks of the steps that use it."""
        import torch

        pairs, each = torch.zeros(units, len(parts)), torch.zeros(units)
        quantiles, top = torch.zeros(units, FRACTIONS), torch.zeros(units, 1)
        shares, maps = torch.ones(len(parts)), torch.zeros(len(parts), units, 1, 1)
        found = (each, each, pairs, pairs, pairs, pairs, maps, shares, quantiles, top, top)
        return cls(layer, parts, generator.fingerprint, 0, *found)

    def __len__(self) -> int:
        """How many units there are."""
        return len(self.levels)

    def __repr__(self) -> str:
        return f"<Dissection: {len(self)} units of {self.layer}, {len(self.parts)} parts, {self.samples} samples>"

    def _repr_html_(self) -> str:
        """As a notebook shows it, without its pictures."""
        return replace(self, strips=()).summary()._repr_html_()

    def part(self, name: str) -> int:
        """The position of a part.

        Raises:
            InterpganError: if no segmenter looked, or it knows no such part.
        """
        if not self.parts:
            raise InterpganError(
                "this dissection had no segmenter, so it knows no parts; give it one in 'segmenter'"
            )
        if name not in self.parts:
            raise InterpganError(f"this dissection knows no part '{name}'" + did_you_mean(name, self.parts))
        return self.parts.index(name)

    def require_generator(self, generator: Generator) -> None:
        """Check that it is of a generator.

        Raises:
            InterpganError: if another one was dissected.
        """
        if self.generator != generator.fingerprint:
            raise InterpganError(
                f"another generator was dissected ({self.generator}, not {generator.fingerprint}); dissect this one"
            )

    def drawn(self) -> Tensor:
        """(u,) int64: the part that each unit draws, by its information quality ratio; -1 where it tells none."""
        import torch

        if not self.parts:
            return torch.full((len(self),), -1)
        ratio, part = self.ratio.max(1)
        tells = (ratio > RATIO) & (self.union.gather(1, part[:, None])[:, 0] > UNION)
        return torch.where(tells, part, -1)

    def levels_for(self, part: int | None) -> dict[str, Tensor]:
        """name -> (u,) or (u, h, w) float32: what units are set to where they are to draw a part."""
        found = {name: self.quantiles[:, k] for name, k in LEVELS.items()}
        return found if part is None else {**found, "mean": self.means[:, part], "map": self.maps[part]}

    def save(self, folder: Path) -> None:
        """Write `dissection.safetensors` into the folder that holds the pictures."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        header = {name: getattr(self, name) for name in ("layer", "parts", "generator", "samples")}
        header["strips"] = [asdict(strip) for strip in self.strips]
        write_safetensors(folder / FILE, tensors, "dissection", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote.

        Raises:
            InterpganError: if the file is missing or damaged.
        """
        tensors, header = read_safetensors(folder / FILE, "dissection")
        try:
            strips = tuple(
                Strip(strip["title"], tuple(Picture(**picture) for picture in strip["pictures"]))
                for strip in header["strips"]
            )
            return cls(
                header["layer"],
                tuple(header["parts"]),
                header["generator"],
                header["samples"],
                **{name: tensors[name] for name in _TENSORS},
                strips=strips,
            )
        except (KeyError, TypeError) as error:
            raise InterpganError(f"{folder / FILE} is damaged; run again with --fresh") from error

    def summary(self) -> Report:
        """Units by part, with pictures of the best ones."""
        if not self.parts:
            note = f"{len(self)} units of {self.layer}, {self.samples} samples. No segmenter looked at them."
            return Report(strips=self.strips, notes=(note,))
        drawn = self.drawn()
        return Report(strips=self.strips, tables=(self._by_part(drawn), self._by_unit(drawn)))

    def _by_part(self, drawn: Tensor) -> Table:
        rows: list[tuple[str, float, int, float, float]] = []
        for p, name in enumerate(self.parts):
            union, ratio = (float(v[:, p].max()) for v in (self.best_union, self.ratio))
            rows.append((name, 100 * float(self.shares[p]), int((drawn == p).sum()), union, ratio))
        rows.sort(key=lambda row: -row[2])
        tell = int((drawn >= 0).sum())
        note = (
            f"{tell} of {len(self)} units ({100 * tell / len(self):.0f} %) tell a part: intersection over union above "
            f"{UNION} and information quality ratio above {RATIO}. A unit counts for the part of its highest ratio."
        )
        columns = ("part", "% of pixels", "units", "best IoU", "best IQR")
        return Table(f"Units of {self.layer} by part, {self.samples} samples", columns, tuple(rows), note)

    def _by_unit(self, drawn: Tensor) -> Table:
        rows: list[tuple[int, str, float, float, float, float]] = []
        for u in (drawn >= 0).nonzero()[:, 0].tolist():
            p = int(drawn[u])
            union, ratio = float(self.union[u, p]), float(self.ratio[u, p])
            rows.append((u, self.parts[p], union, ratio, float(self.levels[u]), 100 * float(self.on[u])))
        rows.sort(key=lambda row: (self.parts.index(row[1]), -row[2]))
        columns = ("unit", "part", "IoU", "IQR", "on above", "on at % of pixels")
        return Table("Units that tell a part", columns, tuple(rows))


_TENSORS = (
    "levels",
    "on",
    "union",
    "best_union",
    "ratio",
    "means",
    "maps",
    "shares",
    "quantiles",
    "top_values",
    "top_seeds",
)
