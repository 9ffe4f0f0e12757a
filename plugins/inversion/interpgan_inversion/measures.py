"""The report of a reconstruction: originals beside the pictures of their codes, and figures of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import torch
from torch import Tensor

from interpgan_core import (
    Generator,
    ImageSet,
    LatentBatch,
    Picture,
    Report,
    Scorer,
    Strip,
    Table,
    score_images,
    to_uint8,
)
from interpgan_inversion.loss import Likeness, alike, distance
from interpgan_inversion.similarity import psnr, ssim
from interpgan_inversion.sources import names_of

Curve: TypeAlias = Sequence[tuple[int, float]]
Row: TypeAlias = tuple[Any, ...]  # of a table

MARK = {"Software": "interpgan", "Comment": "Made by a generative adversarial network; not a photograph."}
SHOWN = 5  # columns of the loss curve


@torch.no_grad()
def compared(
    folder: Path,
    generator: Generator,
    batches: Mapping[str, LatentBatch],
    originals: ImageSet,
    likeness: Likeness,
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
    scorer: Scorer | None = None,
) -> Report:
    """Compare originals with the pictures of their codes.

    Args:
        folder: of the step.
        generator: that the codes belong to.
        batches: n codes each, by caption.
        originals: n pictures.
        likeness: whose nets also measure.
        curves: of the loss, one a picture; or none.
        notes: sentences under the tables.
        scorer: of the codes' pictures, a column a score.

    Returns:
        The report, whose pictures are in the folder.
    """
    names, strips, rows = names_of(originals), [], list[Row]()
    columns: tuple[str, ...] = ()
    for i, name in enumerate(names):
        target = originals.images([i]).to(generator.device)
        shown = [Picture.write(to_uint8(target)[0], folder, f"{i:03d}-original.png", "original", given=True)]
        for k, (caption, batch) in enumerate(batches.items()):
            drawn = to_uint8(generator.images(batch[i]))[0]
            found = torch.tensor(drawn).permute(2, 0, 1)[None].to(target) / 127.5 - 1  # as a file has it
            row = figures(likeness, found, target)
            if scorer:
                row |= dict(
                    zip(
                        scorer.names,
                        (round(score, 4) for score in score_images(scorer, found)[0].tolist()),
                        strict=True,
                    )
                )
            columns = ("picture", *row)
            rows.append((name if len(batches) == 1 else f"{name}, {caption}", *row.values()))
            shown.append(Picture.write(drawn, folder, f"{i:03d}-{k}.png", caption, text=MARK))
        strips.append(Strip(name, tuple(shown)))
    if len(names) > 1 and len(batches) == 1:
        rows.append(("median", *(median(column) for column in list(zip(*rows, strict=True))[1:])))
    tables = [Table("How near they come", columns, tuple(rows))]
    if curves:
        tables.append(_curves(names, curves))
    left_out = (originals.notes or {}).get("left out", [])
    said = [f"Left out, for they cannot be read: {', '.join(left_out)}."] if left_out else []
    return Report("", tuple(strips), tuple(tables), (*notes, *said))


def figures(likeness: Likeness, found: Tensor, target: Tensor) -> dict[str, float]:
    """Of one picture and its original, by the heading of their column."""
    seen, wanted = likeness.features_of(found), likeness.features_of(target)
    known = {"PSNR, dB": psnr(found, target), "SSIM": ssim(found, target)}
    if likeness.perceptual is not None and seen.perceptual is not None:
        what = f"perceptual, {likeness.perceptual.name}"
        known[what] = distance(seen.perceptual, wanted.perceptual)
    if likeness.identity is not None and seen.identity is not None:
        known[f"identity, {likeness.identity.name}"] = alike(seen.identity, wanted.identity)
    return {what: float(figure) for what, figure in known.items()}


def _curves(names: Sequence[str], curves: Sequence[Curve]) -> Table:
    """The loss at a few of the steps."""
    last = len(curves[0]) - 1
    at = sorted({round(k * last / (SHOWN - 1)) for k in range(SHOWN)})
    columns = ("picture", *(f"step {curves[0][k][0]}" for k in at))
    rows: list[Row] = [(name, *(curve[k][1] for k in at)) for name, curve in zip(names, curves, strict=True)]
    return Table("The loss on the way", columns, tuple(rows))
