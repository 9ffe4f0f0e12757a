"""Edits of inverted pictures, measured: do they take, and is it still the same person?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from interpgan_core import (
    DirectionSet,
    Generator,
    ImageSet,
    InterpganError,
    LatentBatch,
    Picture,
    Progress,
    Report,
    Scorer,
    Shift,
    Strip,
    Table,
    score_images,
    to_uint8,
)
from interpgan_core.plugin import remark
from interpgan_inversion.loss import Likeness, alike
from interpgan_inversion.measures import MARK, Row, figures
from interpgan_inversion.sources import names_of


@dataclass(frozen=True, eq=False)
class Way:
    """What came of one way of inversion. Letters in shapes: n pictures, k attributes.

    Args:
        near: by column, the median over pictures.
        took: (n, k) float32, 1 or 0; NaN where the original has no score.
        kept: (n, k) float32, cosine of identity between original and edited picture; None without a net.
        pictures: (m, 1 + k, 3, h, w) uint8-exact float32 in [-1, 1] of the first m: of the code, and edited.
    """

    near: dict[str, float]
    took: Tensor
    kept: Tensor | None
    pictures: Tensor


@dataclass(frozen=True, eq=False)
class Edits:
    """How inverted pictures are edited, and when an edit takes.

    Args:
        directions: by attribute.
        scorer: of images.
        names: k attributes, known to both.
        strength: of every edit, in standard deviations of the samples' codes.
        thresholds: k scores that divide the two sides of the attributes.
        batch_size: images at once.
    """

    directions: DirectionSet
    scorer: Scorer
    names: tuple[str, ...]
    strength: float
    thresholds: tuple[float, ...]
    batch_size: int

    def sides(self, images: Tensor) -> Tensor:
        """(n, k) which side of each attribute the scorer sees an image on: 1 or -1, NaN where it has no score."""
        columns = [self.scorer.names.index(name) for name in self.names]
        above = score_images(self.scorer, images)[:, columns].float() - torch.tensor(self.thresholds)
        sides = torch.where(above > 0, 1.0, -1.0).where(~above.isnan(), torch.nan)
        return sides.to(images.device)

    def check(self, images: Tensor) -> None:
        """Say how many of the originals have no score.

        Raises:
            InterpganError: if of an attribute none has one.
        """
        for name, missing in zip(self.names, self.sides(images).isnan().sum(0).tolist(), strict=True):
            if missing == len(images):
                raise InterpganError(f"no picture has a score of '{name}'; give others, or another scorer")
            if missing:
                remark(
                    f"{missing} of {len(images)} pictures have no score of '{name}': its edits leave them out"
                )

    def moved(self, name: str, batch: LatentBatch, up: Tensor, generator: Generator) -> LatentBatch:
        """Every code moved along a direction: up, (n,) bool, or down."""
        shift = Shift(direction=self.directions[name], strength=self.strength, unit="sigma")
        moved = shift.run(batch, generator)
        codes = generator.to_space(batch, moved.space.name).codes
        sign = torch.where(up, 1.0, -1.0).to(codes).view(-1, *[1] * (codes.ndim - 1))
        return replace(moved, codes=codes + sign * (moved.codes - codes))


@torch.no_grad()
def measured(
    edits: Edits,
    inverted: Mapping[str, tuple[LatentBatch, Generator]],
    originals: ImageSet,
    likeness: Likeness,
    shown: int,
    folder: Path,
    progress: Progress,
) -> Report:
    """Edit inverted pictures, and measure the edits.

    Args:
        edits: how.
        inverted: by caption of the way of inversion, n codes and the generator that draws them.
        originals: n pictures.
        likeness: whose nets measure.
        shown: how many pictures the report shows.
        folder: of the step.
        progress: shows how far it is.

    Raises:
        InterpganError: if no original has a score of an attribute.
    """
    ways: dict[str, Way] = {}
    images = originals.images(slice(None))
    edits.check(images)
    for caption, (batch, generator) in progress(
        inverted.items(), total=len(inverted), what="editing what was inverted"
    ):
        images = images.to(generator.device)
        ways[caption] = _way(edits, images, batch, generator, likeness, shown)
    strips = [
        _strip(f"{name}, {caption}", folder, f"{i:03d}-{k}", images[i : i + 1], way, i, edits.names)
        for i, name in enumerate(names_of(originals)[:shown])
        for k, (caption, way) in enumerate(ways.items())
    ]
    return Report("", tuple(strips), _tables(ways, edits.names), _notes(edits, likeness, len(images)))


def _strip(
    title: str, folder: Path, file: str, original: Tensor, way: Way, i: int, names: Sequence[str]
) -> Strip:
    """The original, the picture of its code, and the edited ones, with whether each edit takes."""
    verdicts = [
        name if took else f"{name}: fails" for name, took in zip(names, way.took[i].tolist(), strict=True)
    ]
    pictures = to_uint8(torch.cat([original, way.pictures[i]]))
    rows = zip(pictures, ("original", "inverted", *verdicts), strict=True)
    return Strip(
        title,
        tuple(
            Picture.write(pixels, folder, f"{file}-{j}.png", what, text=MARK if j else {}, given=not j)
            for j, (pixels, what) in enumerate(rows)
        ),
    )


def _way(
    edits: Edits, images: Tensor, batch: LatentBatch, generator: Generator, likeness: Likeness, shown: int
) -> Way:
    def drawn(codes: LatentBatch) -> Tensor:
        pixels = torch.from_numpy(to_uint8(generator.images(codes, edits.batch_size))).permute(0, 3, 1, 2)
        return pixels.to(images) / 127.5 - 1  # as a file has them

    def identity(of: Tensor) -> Tensor | None:
        return None if likeness.identity is None else likeness.identity.features(of)

    inverted, wanted, person = drawn(batch), -edits.sides(images), identity(images)
    each = [figures(likeness, inverted[i : i + 1], images[i : i + 1]) for i in range(len(images))]
    near = {what: median(one[what] for one in each) for what in each[0]}
    held, took, kept, pictures = edits.sides(inverted) == -wanted, [], [], [inverted[:shown]]
    for j, name in enumerate(edits.names):
        edited = drawn(edits.moved(name, batch, wanted[:, j] > 0, generator))
        taken = (edits.sides(edited)[:, j] == wanted[:, j]) & held[:, j]
        took.append(taken.float().where(~wanted[:, j].isnan(), torch.nan))
        if (now := identity(edited)) is not None:
            kept.append(alike(now, person))
        pictures.append(edited[:shown])
    return Way(near, torch.stack(took, 1), torch.stack(kept, 1) if kept else None, torch.stack(pictures, 1))


def _tables(ways: dict[str, Way], names: Sequence[str]) -> tuple[Table, Table]:
    rows, parts = list[Row](), list[Row]()
    for caption, way in ways.items():
        kept = () if way.kept is None else (float(way.kept.mean()),)
        rows.append((caption, *way.near.values(), 100 * float(way.took.nanmean()), *kept))
        parts.append((caption, *(100 * float(share) for share in way.took.nanmean(0))))
    first = next(iter(ways.values()))
    last = () if first.kept is None else ("identity after edits",)
    columns = ("codes", *first.near, "edits that take, %", *last)
    return (
        Table("How near, and how editable", columns, tuple(rows), "Medians, and means over all edits."),
        Table("Edits that take, %", ("codes", *names), tuple(parts)),
    )


def _notes(edits: Edits, likeness: Likeness, count: int) -> tuple[str, ...]:
    notes = [
        f"{count} pictures; every code is moved by {edits.strength:g} standard deviations towards the side of the "
        "attribute where the original is not. An edit takes where the picture of the code is seen on the side of the "
        "original, and the edited one on the other; a caption says where it fails."
    ]
    if likeness.identity is not None:
        notes.append(f"Identity after edits: cosine to the original by {likeness.identity.name}, mean.")
    return tuple(notes)
