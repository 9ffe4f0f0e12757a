"""The operator `interpretable.name`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import Generator, Input, Operator, Progress, Ranges, Seeds, Segmenter, part_maps, parts_of
from interpgan_interpretable.homes import group_shares, groups_of, groups_with
from interpgan_interpretable.layers import Filters, one_layer, rectified_maps
from interpgan_interpretable.receptive_fields import unit_maps

if TYPE_CHECKING:
    from torch import Tensor

MIN_AREA = 1.0  # positions of the layer: a part that fills less is not in the picture


class NameConcepts(Operator):
    """Name each concept after the part of the picture that it draws, as a segmenter finds it.

    A concept is compared with a part at the part's size: its most active positions, as many as the part fills in that
    picture. The agreement is 1 if these positions are the part, and 0 on average if they are random. A concept that
    agrees with no part is named after the one that its home lies in, if there is one: a cheek is skin. Its home is
    where it is the strongest of all concepts, in all samples together: some hair is black.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, whose authors name concepts by hand.
        The measure is Cohen's kappa of two equal shares.
    """

    segmenter: Input[Segmenter]
    seeds: Seeds = "0-199"
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.3
    """A concept that agrees less with a part is not named after it as a whole."""
    min_inside: Annotated[float, Field(ge=0, le=1)] = 0.35
    """Nor after one that its home lies in, if less of it is there (0: as much as by chance; 1: all)."""
    join: bool = True
    """Join all concepts of one part into one; otherwise they are "hair", "hair 2", …, the largest first."""
    batch_size: Annotated[int, Field(ge=1)] = 16
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
        whole, within = self._agreements(generator, layer, concepts, progress)
        named: dict[str, str | None] = {}
        for name, row, shares in zip(concepts, whole, within, strict=True):
            best, around = int(row.argmax()), int(shares.argmax())
            if float(row[best]) >= self.min_agreement:
                named[name] = parts[best]
            else:
                named[name] = parts[around] if float(shares[around]) >= self.min_inside else None
        renamed = renaming(concepts, named, self.join)
        return generator.with_concepts({name: (layer, units) for name, units in renamed.items()})

    def _agreements(
        self, generator: Generator, layer: str, concepts: dict[str, Filters], progress: Progress
    ) -> tuple[Tensor, Tensor]:
        """(concepts, parts) float64 twice: agreement, a mean over the samples that show the part, -1 where none does;
        and what lies inside, of all samples together.
        """
        import torch

        sums: Tensor = torch.zeros(())
        seen: Tensor = torch.zeros(())
        overlaps: Tensor = torch.zeros(())
        homes: Tensor = torch.zeros(())
        areas: Tensor = torch.zeros(())
        count = len(Ranges(self.seeds))
        batches = generator.stream(Ranges(self.seeds), self.batch_size)
        what = f"naming {len(concepts)} concepts"
        for batch in progress(batches, total=-(-count // self.batch_size), what=what):
            maps = rectified_maps(generator, batch, layer)
            images = generator.images(batch, self.batch_size)
            parts = part_maps(self.segmenter, images, maps.shape[2:]).flatten(2).double()
            groups, strength = groups_of(generator, layer, maps)
            shares = group_shares(maps / strength[:, None, None], groups)
            own = torch.stack(
                [shares[:, groups_with(groups, units)].sum(1) for units in concepts.values()], 1
            )
            home = strongest(own.flatten(2))
            overlaps = overlaps + torch.einsum("nck,npk->cp", home, parts)
            homes, areas = homes + home.sum((0, 2)), areas + parts.sum((0, 2))
            maps = unit_maps(maps)
            fields = [maps[:, list(units)].mean(1).flatten(1) for units in concepts.values()]
            each = torch.stack([agreement(field, parts) for field in fields], 1)
            sums = sums + each.nansum(0)
            seen = seen + (~each.isnan()).sum(0)
        total = count * maps.shape[2] * maps.shape[3]
        return torch.where(seen > 0, sums / seen.clamp(min=1), -1.0), inside(overlaps, homes, areas / total)


def strongest(shares: Tensor) -> Tensor:
    """Where each concept is the strongest of all: (n, concepts, k) -> the same, float64, 1 there; 0 where none is."""
    import torch

    each = torch.nn.functional.one_hot(shares.argmax(1), shares.shape[1]).movedim(2, 1)
    return each.double() * (shares > 0)


def inside(overlaps: Tensor, homes: Tensor, chance: Tensor) -> Tensor:
    """How much of each concept's home is in each part, beyond chance.

    Args:
        overlaps: (concepts, parts), positions of a home that are of a part.
        homes: (concepts,), all of its positions.
        chance: (parts,), the part's share of all pictures.

    Returns:
        (concepts, parts) float64: 1 for all of it, 0 for the part's share of the pictures; -1 for a concept that is
        nowhere at home, and a part that fills all.
    """
    import torch

    found = (overlaps / homes[:, None].clamp(min=1) - chance) / (1 - chance).clamp(min=1e-12)
    return torch.where((homes[:, None] > 0) & (chance < 1), found, -1.0)


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

    positions = parts.shape[2]
    order = maps.argsort(dim=1, descending=True, stable=True)
    inside = parts.double().gather(2, order[:, None].expand_as(parts)).cumsum(2)
    inside = torch.cat([torch.zeros_like(inside[..., :1]), inside], 2)  # of the first 0, 1, … positions
    area = inside[..., -1]
    size = area.round().long().clamp(min=1)
    active = (maps > 0).sum(1, keepdim=True)
    taken = torch.minimum(size, active)
    hits = inside.gather(2, taken[..., None])[..., 0]
    # Where the concept is silent there is no order: what is still to be taken is taken at random.
    left = area - inside.gather(2, active.expand_as(size)[..., None])[..., 0]
    hits = hits + (size - taken) * left / (positions - active).clamp(min=1)
    hit = hits / torch.minimum(area, size.double()).clamp(min=MIN_AREA)
    share = area / positions
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
