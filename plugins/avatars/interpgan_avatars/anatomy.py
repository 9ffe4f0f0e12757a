"""Do samples look like people? Eyes and mouths counted, colours and styles against those of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_avatars.world import HAIR_COLOURS, HAIR_STYLES, SKIN_TONES
from interpgan_core import (
    Generator,
    ImageSet,
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

    from interpgan_avatars.looking import AvatarScorer, AvatarSegmenter

CHOICES = {"hair": HAIR_COLOURS, "skin": SKIN_TONES, "style": HAIR_STYLES}
TITLES = {"hair": "Hair colours", "skin": "Skin tones", "style": "Hair styles"}
LEAST = 4  # pixels of an eye or a mouth; fewer are a speck
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
    """Look at samples.

    Args:
        generator: of avatars.
        seeds: of the samples.
        scorer, segmenter: those who look.
        data: drawn avatars, to compare with.
        batch_size: samples at once.
        progress: shows how far it is.
        folder: where the samples that lack something are shown.

    Returns:
        Tables: eyes and mouths; hair colours, skin tones and hair styles, against the data where it is given.
    """
    import torch

    counts = {name: torch.zeros(len(names)) for name, names in CHOICES.items()}
    eyes, mouths, odd = [], [], []
    batches = generator.stream(seeds, batch_size)
    for batch in progress(batches, total=-(-len(seeds) // batch_size), what="looking at samples"):
        with torch.no_grad():
            images = generator.images(batch, batch_size)
            maps = segmenter(images).cpu().numpy()
            found = scorer.groups(images)
        eyes += [count(m, segmenter.parts.index("eyes")) for m in maps]
        mouths += [count(m, segmenter.parts.index("mouth")) for m in maps]
        whole = zip(images, eyes[-len(maps) :], mouths[-len(maps) :], strict=True)
        odd += [image for image, e, m in whole if (e, m) != (2, 1)][: _SHOWN - len(odd)]
        for name, rows in found.items():
            counts[name] += rows.cpu().bincount(minlength=len(CHOICES[name]))
    good = sum((e, m) == (2, 1) for e, m in zip(eyes, mouths, strict=True)) / len(eyes)
    rows = (
        ("exactly two eyes and one mouth", 100 * good),
        ("exactly two eyes", 100 * sum(e == 2 for e in eyes) / len(eyes)),
        ("exactly one mouth", 100 * sum(m == 1 for m in mouths) / len(mouths)),
    )
    tables = [Table(f"What {len(eyes)} samples have", ("what", "% of samples"), rows)]
    tables += [_shares(name, generated, data) for name, generated in counts.items()]
    strips = ()
    if odd:
        sheet = contact_sheet(to_uint8(torch.stack(odd)), _SHOWN // 2)
        shown = Picture.write(sheet, folder, "odd.png", "samples without exactly two eyes and one mouth")
        strips = (Strip("", (shown,)),)
    return Report("Anatomy", strips, tuple(tables))


def count(parts: np.ndarray, part: int) -> int:
    """How many separate areas of a part a map has; specks do not count.

    Args:
        parts: (64, 64) numbers of parts.
        part: which.
    """
    import numpy as np
    from scipy import ndimage

    # Glasses and lashes may cut an eye in two: areas that all but touch are one.
    joined, areas = ndimage.label(ndimage.binary_dilation(parts == part, np.ones((3, 3))))
    sizes = ndimage.sum_labels(parts == part, joined, range(1, areas + 1)) if areas else []
    return int(sum(size >= LEAST for size in sizes))


def _shares(name: str, generated: Tensor, data: ImageSet | None) -> Table:
    """How often each choice is met, in points, and in the data."""
    import torch

    choices = CHOICES[name]
    shares = 100 * generated / generated.sum()
    if data is None:
        rows = tuple(zip(choices, shares.tolist(), strict=True))
        return Table(TITLES[name], ("which", "% of samples"), rows)
    truth = data.classes if name == "style" else data.attribute(name).long()
    known = 100 * torch.bincount(truth, minlength=len(choices)) / len(data)
    rows = tuple(
        (choice, mine, real, mine - real)
        for choice, mine, real in zip(choices, shares.tolist(), known.tolist(), strict=True)
    )
    recall = float(torch.minimum(shares, known).sum())
    note = f"Recall, the share of the data's choices that samples have as often: {recall:.1f} %."
    return Table(TITLES[name], ("which", "% of samples", "% of the data", "difference"), rows, note)
