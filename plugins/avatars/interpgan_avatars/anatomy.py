"""Anatomy of samples: eyes and mouths counted, colours and styles compared with the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_avatars.person import HAIR_COLOURS, HAIR_STYLES, SKIN_TONES
from interpgan_core import (
    Generator,
    ImageSet,
    InterpganError,
    Picture,
    Progress,
    Report,
    Strip,
    Table,
    contact_sheet,
    to_uint8,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from interpgan_avatars.scorer import AvatarScorer
    from interpgan_avatars.segmenter import AvatarSegmenter

CHOICES = {"hair": HAIR_COLOURS, "skin": SKIN_TONES, "style": HAIR_STYLES}
TITLES = {"hair": "Hair colours", "skin": "Skin tones", "style": "Hair styles"}
SMALLEST = 4  # pixels of an eye or a mouth; a smaller area is an error of the segmenter
_SHOWN = 16


def check_anatomy(
    generator: Generator,
    seeds: Sequence[int],
    scorer: AvatarScorer,
    segmenter: AvatarSegmenter,
    data: ImageSet | None,
    batch_size: int,
    progress: Progress,
    folder: Path,
) -> Report:
    """Measure samples.

    Args:
        generator: of avatars.
        seeds: of the samples.
        scorer, segmenter: of avatars.
        data: drawn avatars, to compare with.
        batch_size: samples at once.
        progress: shows how far it is.
        folder: where samples without two eyes and one mouth are shown.

    Returns:
        Tables: eyes and mouths; hair colours, skin tones and hair styles, against the data where it is given.
    """
    import torch

    counts = {name: torch.zeros(len(names)) for name, names in CHOICES.items()}
    eyes: list[int] = []
    mouths: list[int] = []
    odd: list[Tensor] = []
    batches = generator.stream(seeds, batch_size)
    for batch in progress(batches, total=-(-len(seeds) // batch_size), what="measuring samples"):
        with torch.no_grad():
            images = generator.images(batch, batch_size)
            maps = segmenter(images).cpu().numpy()
            found = scorer.groups(images)
        eyes += [count(m, segmenter.parts.index("eyes")) for m in maps]
        mouths += [count(m, segmenter.parts.index("mouth")) for m in maps]
        whole = zip(images, eyes[-len(maps) :], mouths[-len(maps) :], strict=True)
        odd += [image for image, e, m in whole if (e, m) != (2, 1)][: _SHOWN - len(odd)]
        for name, choices in found.items():
            counts[name] += choices.cpu().bincount(minlength=len(CHOICES[name]))
    good = sum((e, m) == (2, 1) for e, m in zip(eyes, mouths, strict=True)) / len(eyes)
    rows = (
        ("exactly two eyes and one mouth", 100 * good),
        ("exactly two eyes", 100 * sum(e == 2 for e in eyes) / len(eyes)),
        ("exactly one mouth", 100 * sum(m == 1 for m in mouths) / len(mouths)),
    )
    tables = [Table(f"What {len(eyes)} samples have", ("what", "% of samples"), rows)]
    tables += [_shares(name, generated, data) for name, generated in counts.items()]
    strips: tuple[Strip, ...] = ()
    if odd:
        sheet = contact_sheet(to_uint8(torch.stack(odd)), _SHOWN // 2)
        shown = Picture.write(sheet, folder, "odd.png", "samples without exactly two eyes and one mouth")
        strips = (Strip("", (shown,)),)
    return Report("Anatomy", strips, tuple(tables))


def count(parts: np.ndarray, part: int) -> int:
    """How many separate areas of a part a map has, without those of less than 4 pixels.

    Args:
        parts: (64, 64) numbers of parts.
        part: which.
    """
    import numpy as np
    from scipy import ndimage

    # Glasses and lashes may cut an eye in two: areas that all but touch are one.
    joined, areas = ndimage.label(ndimage.binary_dilation(parts == part, np.ones((3, 3))))
    sizes = ndimage.sum_labels(parts == part, joined, range(1, areas + 1)) if areas else []
    return int(sum(size >= SMALLEST for size in sizes))


def _shares(name: str, generated: Tensor, data: ImageSet | None) -> Table:
    """How frequent each choice is, in percent of the samples and of the data."""
    import torch

    choices = CHOICES[name]
    shares = 100 * generated / generated.sum()
    if data is None:
        rows = tuple(zip(choices, shares.tolist(), strict=True))
        return Table(TITLES[name], ("which", "% of samples"), rows)
    truth = data.classes if name == "style" else data.attribute(name).long()
    if truth is None:
        raise InterpganError("the data has no hair styles to compare with; draw it with avatars.data")
    known = 100 * torch.bincount(truth, minlength=len(choices)) / len(data)
    columns = zip(choices, shares.tolist(), known.tolist(), (shares - known).tolist(), strict=True)
    recall = float(torch.minimum(shares, known).sum())
    note = f"Recall, the share of the data's choices that samples have as often: {recall:.1f} %."
    return Table(TITLES[name], ("which", "% of samples", "% of the data", "difference"), tuple(columns), note)
