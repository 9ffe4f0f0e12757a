"""The operator `interpretable.atlas`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Operator,
    Picture,
    Progress,
    Ranges,
    Report,
    Seeds,
    Strip,
    Table,
    contact_sheet,
    to_uint8,
)
from interpgan_interpretable.layers import Filters, one_layer, rectified_maps
from interpgan_interpretable.measures.highlight import Colour, colours, highlighted, painted
from interpgan_interpretable.receptive_fields import receptive_fields, unit_maps

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_interpretable.measures.highlight import Pixels

SIDE = 128  # pixels, of the pictures in a sheet


class DrawAtlas(Operator):
    """Show what concepts draw: the receptive fields of each, and of its filters one by one, on several samples.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, figures 3 and 4.
    """

    seeds: Seeds = "0-7"
    """The samples to show them on."""
    filters: Annotated[int, Field(ge=0)] = 5
    """Filters shown of each concept, those most like the whole first."""

    def check(self, generator: Generator) -> None:
        one_layer(generator)

    def run(self, generator: Generator, folder: Path, progress: Progress) -> Report:
        """Draw.

        Raises:
            InterpganError: if the generator has no concepts, or has them in several layers.
        """
        import torch

        layer, concepts = one_layer(generator)
        batch = generator.sample(Ranges(self.seeds))
        with torch.no_grad():
            images = torch.cat(list(generator.iter_images(batch)))
        samples = to_uint8(_resized(images, "bicubic", antialias=True))
        maps = unit_maps(torch.cat([rectified_maps(generator, one, layer) for one in batch.split(1)]))
        centres = torch.stack([maps[:, list(units)].mean(1) for units in concepts.values()], 1)
        palette = colours(len(concepts))
        strongest = _resized(centres).argmax(1).cpu().numpy()
        regions = [painted(*pair, palette) for pair in zip(samples, strongest, strict=True)]
        strips = [_strip(folder, "whole", "The most active concept", [*samples, *regions], len(batch), "")]
        named = zip(concepts.items(), palette, strict=True)
        for i, ((name, units), colour) in enumerate(
            progress(named, total=len(concepts), what="drawing concepts")
        ):
            order = _nearest(maps[:, list(units)], centres[:, i])[: self.filters]
            shown = torch.cat([centres[:, [i]], maps[:, [units[j] for j in order]]], 1)
            sheet = [
                highlighted(picture, inside, colour)
                for row in receptive_fields(_resized(shown)).cpu().movedim(1, 0).numpy()
                for picture, inside in zip(samples, row, strict=True)
            ]
            filters = ", ".join(str(units[j]) for j in order)
            title = f"Concept {name}: {len(units)} filters"
            caption = "The concept as a whole" + (f"; its filters {filters}" if filters else "")
            strips.append(_strip(folder, f"concept-{i:02d}", title, sheet, len(batch), caption))
        return Report("Atlas of concepts", tuple(strips), (_shares(layer, concepts, palette),))


def _resized(images: Tensor, mode: str = "bilinear", antialias: bool = False) -> Tensor:
    """(n, c, h, w) -> (n, c, SIDE, SIDE)."""
    from torch.nn import functional

    return functional.interpolate(images, size=(SIDE, SIDE), mode=mode, antialias=antialias)


def _nearest(maps: Tensor, centre: Tensor) -> list[int]:
    """Positions of filters, those whose maps (n, u, h, w) are most like the concept's mean (n, h, w) first."""
    order: list[int] = (maps * centre[:, None]).sum((0, 2, 3)).argsort(descending=True).tolist()
    return order


def _strip(folder: Path, stem: str, title: str, pictures: list[Pixels], columns: int, caption: str) -> Strip:
    """One contact sheet; a column is a sample."""
    import numpy as np

    sheet = contact_sheet(np.stack(pictures), columns)
    shown = Picture.write(sheet, folder, f"{stem}.png", caption, side=max(sheet.shape))
    return Strip(title, (shown,))


def _shares(layer: str, concepts: dict[str, Filters], palette: list[Colour]) -> Table:
    filters = sum(len(units) for units in concepts.values())
    rows = tuple(
        (name, len(units), 100 * len(units) / filters, "#" + bytes(colour).hex())
        for (name, units), colour in zip(concepts.items(), palette, strict=True)
    )
    note = (
        "A receptive field is where a filter, or the mean of a concept's filters, is most active: a tenth of each "
        "picture. In each sheet the first row is the whole concept, and each row below it one filter."
    )
    return Table(f"Concepts of {layer}", ("concept", "filters", "% of filters", "colour"), rows, note)
