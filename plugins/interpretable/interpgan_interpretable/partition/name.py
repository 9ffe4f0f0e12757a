"""The operator `interpretable.name`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StrictBool

from interpgan_core import Generator, Input, Operator, Progress, Ranges, Seeds
from interpgan_interpretable.layers import Units, one_layer, rectified_maps
from interpgan_interpretable.receptive_fields import unit_length
from interpgan_interpretable.segmenter import Segmenter, part_maps, parts_of

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 1.0  # position of the layer: a part that fills less does not count as shown


class NameConcepts(Operator):
    """Name each concept after the part of the picture that it draws, as a segmenter sees it.

    A concept is compared with a part where both are of one size: the positions where it answers most, as many as the
    part fills in that picture. Their agreement beyond chance is 1 if they are the part, 0 if they lie anywhere.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, whose authors name concepts by hand.
        The measure is Cohen's kappa of two equal shares.
    """

    segmenter: Input[Segmenter]
    seeds: Seeds = "0-199"
    least: Annotated[float, Field(ge=0, le=1)] = 0.3
    """A concept that agrees less with every part keeps its name."""
    join: StrictBool = True
    """Make one concept of all of the same part? Otherwise they are "hair", "hair 2", …, the largest first."""
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    """Samples at once."""

    def run(self, generator: Generator, progress: Progress) -> Generator:
        """The same network and weights, with other names; the generator itself stays as it is.

        Raises:
            InterpganError: if the generator has no concepts, or several layers of them.
        """
        layer, concepts = one_layer(generator)
        parts = parts_of(self.segmenter)
        found = self._agreements(generator, layer, concepts, progress)
        named = {}
        for (name, _), row in zip(concepts.items(), found, strict=True):
            best = int(row.argmax())
            named[name] = parts[best] if float(row[best]) >= self.least else None
        renamed = renaming(concepts, named, self.join)
        return generator.with_concepts({name: (layer, units) for name, units in renamed.items()})

    def _agreements(
        self, generator: Generator, layer: str, concepts: dict[str, Units], progress: Progress
    ) -> Tensor:
        """(concepts, parts) float64; the mean over the samples that show the part, -1 where none does."""
        import torch

        sums: Tensor = torch.zeros(())
        counts: Tensor = torch.zeros(())
        count = len(Ranges(self.seeds))
        batches = generator.stream(Ranges(self.seeds), self.batch_size)
        what = f"naming {len(concepts)} concepts"
        for batch in progress(batches, total=-(-count // self.batch_size), what=what):
            maps = unit_length(rectified_maps(generator, batch, layer))
            pictures = generator.images(batch, self.batch_size)
            parts = part_maps(self.segmenter, pictures, maps.shape[2:]).flatten(2)
            rows = [agreement(maps[:, list(units)].mean(1).flatten(1), parts) for units in concepts.values()]
            each = torch.stack(rows, 1)
            sums = sums + each.nansum(0)
            counts = counts + (~each.isnan()).sum(0)
        return torch.where(counts > 0, sums / counts.clamp(min=1), -1.0)


def agreement(maps: Tensor, parts: Tensor) -> Tensor:
    """How far the strongest positions of a map are those of each part, beyond chance.

    Args:
        maps: (n, k); a concept's.
        parts: (n, p, k), shares of each position.

    Returns:
        (n, p) float64: 1 for the part itself, 0 for what chance gives; NaN where the part is not seen, or all there is.
    """
    import torch

    order = maps.argsort(dim=1, descending=True, stable=True)
    inside = parts.double().gather(2, order[:, None].expand_as(parts)).cumsum(2)
    area = inside[..., -1]
    size = area.round().long().clamp(min=1)
    hit = inside.gather(2, (size - 1)[..., None])[..., 0] / torch.minimum(area, size.double()).clamp(
        min=SHOWN
    )
    share = area / parts.shape[2]
    return torch.where((area >= SHOWN) & (share < 1), (hit - share) / (1 - share), torch.nan)


def renaming(concepts: dict[str, Units], named: dict[str, str | None], join: bool) -> dict[str, Units]:
    """Concepts by new names.

    Args:
        concepts: name -> units, the largest first.
        named: name -> part; None keeps the name.
        join: are those of one part made one concept?
    """
    out: dict[str, Units] = {}
    counts: dict[str, int] = {}
    for name, units in concepts.items():
        part = named[name]
        if part is None:
            out[name] = units
        elif join:
            out[part] = tuple(sorted((*out.get(part, ()), *units)))
        else:
            counts[part] = counts.get(part, 0) + 1
            out[part if counts[part] == 1 else f"{part} {counts[part]}"] = units
    return out
