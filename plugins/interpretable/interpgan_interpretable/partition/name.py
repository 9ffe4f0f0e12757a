"""The operator `interpretable.name`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StrictBool

from interpgan_core import Generator, Input, Operator, Progress, Ranges, Seeds, Segmenter, part_maps, parts_of
from interpgan_interpretable.layers import Filters, one_layer, rectified_maps
from interpgan_interpretable.receptive_fields import unit_maps

if TYPE_CHECKING:
    from torch import Tensor

MIN_AREA = 1.0  # positions of the layer: a part that fills less is not in the picture


class NameConcepts(Operator):
    """Name each concept after the part of the picture that it draws, as a segmenter finds it.

    A concept is compared with a part at the part's size: its most active positions, as many as the part fills in that
    picture. The agreement is 1 if these positions are the part, and 0 on average if they are random.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, whose authors name concepts by hand.
        The measure is Cohen's kappa of two equal shares.
    """

    segmenter: Input[Segmenter]
    seeds: Seeds = "0-199"
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.3
    """A concept that agrees less with every part keeps its name."""
    join: StrictBool = True
    """Join all concepts of one part into one; otherwise they are "hair", "hair 2", …, the largest first."""
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> None:
        one_layer(generator)

    def run(self, generator: Generator, progress: Progress) -> Generator:
        """The same network and weights with other names; the generator itself keeps its own.

        Raises:
            InterpganError: if the generator has no concepts, or has them in several layers.
        """
        layer, concepts = one_layer(generator)
        parts = parts_of(self.segmenter)
        found = self._agreements(generator, layer, concepts, progress)
        named = {}
        for (name, _), row in zip(concepts.items(), found, strict=True):
            best = int(row.argmax())
            named[name] = parts[best] if float(row[best]) >= self.min_agreement else None
        renamed = renaming(concepts, named, self.join)
        return generator.with_concepts({name: (layer, units) for name, units in renamed.items()})

    def _agreements(
        self, generator: Generator, layer: str, concepts: dict[str, Filters], progress: Progress
    ) -> Tensor:
        """(concepts, parts) float64; the mean over the samples that show the part, -1 where none shows it."""
        import torch

        sums: Tensor = torch.zeros(())
        counts: Tensor = torch.zeros(())
        count = len(Ranges(self.seeds))
        batches = generator.stream(Ranges(self.seeds), self.batch_size)
        what = f"naming {len(concepts)} concepts"
        for batch in progress(batches, total=-(-count // self.batch_size), what=what):
            maps = unit_maps(rectified_maps(generator, batch, layer))
            images = generator.images(batch, self.batch_size)
            parts = part_maps(self.segmenter, images, maps.shape[2:]).flatten(2)
            rows = [agreement(maps[:, list(units)].mean(1).flatten(1), parts) for units in concepts.values()]
            each = torch.stack(rows, 1)
            sums = sums + each.nansum(0)
            counts = counts + (~each.isnan()).sum(0)
        return torch.where(counts > 0, sums / counts.clamp(min=1), -1.0)


def agreement(maps: Tensor, parts: Tensor) -> Tensor:
    """Cohen's kappa between the most active positions of a map and each part.

    Args:
        maps: (n, k); a concept's.
        parts: (n, p, k), shares of each position.

    Returns:
        (n, p) float64: 1 for the part itself, 0 on average for random positions; NaN where the part is not in the
        picture, or fills all of it.
    """
    import torch

    order = maps.argsort(dim=1, descending=True, stable=True)
    inside = parts.double().gather(2, order[:, None].expand_as(parts)).cumsum(2)
    area = inside[..., -1]
    size = area.round().long().clamp(min=1)
    hit = inside.gather(2, (size - 1)[..., None])[..., 0] / torch.minimum(area, size.double()).clamp(
        min=MIN_AREA
    )
    share = area / parts.shape[2]
    # Cohen's kappa of two sets of one size: (agreement - chance) / (1 - chance), where chance is their share.
    return torch.where((area >= MIN_AREA) & (share < 1), (hit - share) / (1 - share), torch.nan)


def renaming(concepts: dict[str, Filters], named: dict[str, str | None], join: bool) -> dict[str, Filters]:
    """Concepts by new names.

    Args:
        concepts: name -> units, the largest first.
        named: name -> part; None keeps the name.
        join: whether those of one part are joined into one concept.
    """
    out: dict[str, Filters] = {}
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
