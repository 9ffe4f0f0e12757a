"""Edits of inverted pictures, measured: do they take, and is it still the same person?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from interpgan_core import (
    Generator,
    ImageSet,
    LatentBatch,
    Picture,
    Progress,
    Report,
    Shift,
    Strip,
    Table,
    to_uint8,
)
from interpgan_inversion.likeness import Likeness, alike
from interpgan_inversion.measures import MARK, Row, figures
from interpgan_inversion.sources import names_of

if TYPE_CHECKING:
    from interpgan_inversion.editability import Editability


@dataclass(frozen=True, eq=False)
class Way:
    """What came of one way of inversion. Letters in shapes: n pictures, k attributes.

    Args:
        near: by column, the median over pictures.
        took: (n, k) bool.
        kept: (n, k) float32, cosine of identity between original and edited picture; None without a net.
        pictures: (m, 1 + k, 3, h, w) uint8-exact float32 in [-1, 1] of the first m: of the code, and edited.
    """

    near: dict[str, float]
    took: Tensor
    kept: Tensor | None
    pictures: Tensor


@torch.no_grad()
def measured(
    step: Editability,
    names: Sequence[str],
    originals: ImageSet,
    generator: Generator,
    folder: Path,
    progress: Progress,
) -> Report:
    """What `Editability.run` does.

    Args:
        step: checked.
        names: of the attributes.
        originals: n pictures.
        generator: that draws where the step names no other.
        folder: of the step.
        progress: shows how far it is.
    """
    images = originals.images(slice(None)).to(generator.device)
    ways: dict[str, Way] = {}
    for caption, batch in progress(
        step.batches.items(), total=len(step.batches), what="editing what was inverted"
    ):
        own = step.generators.get(caption, generator)
        ways[caption] = _way(step, names, images, batch, own)
    strips = [
        _strip(f"{name}, {caption}", folder, f"{i:03d}-{k}", images[i : i + 1], way.pictures[i], names)
        for i, name in enumerate(names_of(originals)[: step.shown])
        for k, (caption, way) in enumerate(ways.items())
    ]
    return Report("", tuple(strips), _tables(ways, names), _notes(step, len(images)))


def _strip(
    title: str, folder: Path, file: str, original: Tensor, found: Tensor, names: Sequence[str]
) -> Strip:
    """The original, the picture of its code, and the edited ones."""
    rows = zip(to_uint8(torch.cat([original, found])), ("original", "inverted", *names), strict=True)
    return Strip(
        title,
        tuple(
            Picture.write(pixels, folder, f"{file}-{j}.png", what, text=MARK if j else {})
            for j, (pixels, what) in enumerate(rows)
        ),
    )


def _way(
    step: Editability, names: Sequence[str], images: Tensor, batch: LatentBatch, generator: Generator
) -> Way:
    likeness = Likeness(step.perceptual, step.identity)

    def drawn(codes: LatentBatch) -> Tensor:
        pixels = torch.from_numpy(to_uint8(generator.images(codes, step.batch_size))).permute(0, 3, 1, 2)
        return pixels.to(images) / 127.5 - 1  # as a file has them

    columns = [step.scorer.names.index(name) for name in names]

    def sides(pictures: Tensor) -> Tensor:
        return step.scorer(pictures)[:, columns] > step.threshold

    def who(pictures: Tensor) -> Tensor | None:
        return None if step.identity is None else step.identity.features(pictures)

    inverted, wanted, person = drawn(batch), ~sides(images), who(images)
    each = [figures(likeness, inverted[i : i + 1], images[i : i + 1]) for i in range(len(images))]
    near = {what: median(one[what] for one in each) for what in each[0]}
    lost, took, kept, shown = sides(inverted) == wanted, [], [], [inverted[: step.shown]]
    for j, name in enumerate(names):
        edited = drawn(_moved(step, name, batch, wanted[:, j], generator))
        took.append((sides(edited)[:, j] == wanted[:, j]) & ~lost[:, j])
        if (now := who(edited)) is not None:
            kept.append(alike(now, person))
        shown.append(edited[: step.shown])
    return Way(near, torch.stack(took, 1), torch.stack(kept, 1) if kept else None, torch.stack(shown, 1))


def _moved(step: Editability, name: str, batch: LatentBatch, up: Tensor, generator: Generator) -> LatentBatch:
    """Every code moved along a direction: up, (n,) bool, or down."""
    moved = Shift(direction=step.directions[name], strength=step.strength, unit="sigma").run(batch, generator)
    codes = generator.to_space(batch, moved.space.name).codes
    way = torch.where(up, 1.0, -1.0).to(codes).view(-1, *[1] * (codes.ndim - 1))
    return replace(moved, codes=codes + way * (moved.codes - codes))


def _tables(ways: dict[str, Way], names: Sequence[str]) -> tuple[Table, Table]:
    rows, parts = list[Row](), list[Row]()
    for caption, way in ways.items():
        kept = () if way.kept is None else (float(way.kept.mean()),)
        rows.append((caption, *way.near.values(), 100 * float(way.took.float().mean()), *kept))
        parts.append((caption, *(100 * float(share) for share in way.took.float().mean(0))))
    first = next(iter(ways.values()))
    last = () if first.kept is None else ("identity after edits",)
    columns = ("codes", *first.near, "edits that take, %", *last)
    return (
        Table("How near, and how editable", columns, tuple(rows), "Medians, and means over all edits."),
        Table("Edits that take, %", ("codes", *names), tuple(parts)),
    )


def _notes(step: Editability, count: int) -> tuple[str, ...]:
    told = [
        f"{count} pictures; every code is moved by {step.strength:g} standard deviations towards the side of the "
        "attribute where the original is not. An edit takes where the picture of the code is seen on the side of the "
        "original, and the edited one on the other."
    ]
    if step.identity is not None:
        told.append(f"Identity after edits: cosine to the original by {step.identity.name}, mean.")
    return tuple(told)
