"""The operator `interpretable.transfer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Operator, Progress, Report, Table
from interpgan_interpretable.collaging import Parts
from interpgan_interpretable.segmenting import Segmenter, mask_of

if TYPE_CHECKING:
    from torch import Tensor

CHOICES = 4
LEAST = 4.0  # pixels: a part that fills less is not in the picture


class MeasureTransfer(Operator):
    """Which of four pictures did a part come from? Asked of a machine that looks at the part alone.

    It knows a part by its colours and its shape: pictures of the part, all else black, with their centres of mass laid
    upon one another, and the nearest in mean squared difference is chosen. Each edited picture is one question, its
    own source and three others, drawn by lot, the choices; sources that do not show the part are left out. Pictures as
    they were before the edit are asked too: they give a quarter, unless a source happens to look like them.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 2, where people answered.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    source: Input[LatentBatch]
    """Those that lent the part to each of them."""
    edits: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """The same samples after each edit, by a name for it."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts the edits are meant for."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of the lot."""

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Ask.

        Raises:
            InterpganError: if batches differ in size, or fewer than four sources show the part.
        """
        import torch

        batches = {"(unchanged)": self.before, **self.edits}
        for name, batch in {"source": self.source, **batches}.items():
            if len(batch) != len(self.before):
                raise InterpganError(
                    f"'{name}' has {len(batch)} samples and 'before' {len(self.before)}; measure the batch that "
                    "was edited, with one source for each sample"
                )
        with torch.no_grad():
            lent, areas = self._seen(self.source, generator)
            shown = (areas >= LEAST).nonzero().flatten()
            if len(shown) < CHOICES:
                raise InterpganError(
                    f"{len(shown)} of the sources show {' or '.join(self.parts)}, and it takes {CHOICES}; give "
                    "more samples"
                )
            choices = drawn_by_lot(len(shown), self.seed)
            rows = []
            for name, batch in progress(batches.items(), total=len(batches), what="asking whose part it is"):
                looks = self._seen(batch, generator)[0][shown]
                rows.append((name, 100 * accuracy(looks, lent[shown], choices)))
        note = f"{len(shown)} questions of four choices, of which chance gets 25 %."
        title = f"Where is the part from: {' and '.join(self.parts)}"
        return Report(tables=(Table(title, ("edit", "% right"), tuple(rows), note),))

    def _seen(self, batch: LatentBatch, generator: Generator) -> tuple[Tensor, Tensor]:
        """What is to be seen of the part in each picture, and how many pixels it fills."""
        import torch

        seen, areas = [], []
        for picture in generator.iter_images(batch):
            mask = mask_of(self.segmenter, picture, self.parts, picture.shape[2:])
            seen.append(cut_out(picture, mask))
            areas.append(mask.sum((1, 2, 3)))
        return torch.cat(seen), torch.cat(areas)


def cut_out(pictures: Tensor, masks: Tensor) -> Tensor:
    """Parts alone, their centres of mass in the middle.

    Args:
        pictures: (n, 3, h, w) in [-1, 1].
        masks: (n, 1, h, w) from 0 to 1.

    Returns:
        (n, 4, h, w): colours from 0 to 1, black outside the part, and the mask.
    """
    import torch
    from torch.nn import functional

    height, width = masks.shape[2:]
    y, x = (torch.linspace(-1 + 1 / n, 1 - 1 / n, n, device=masks.device) for n in (height, width))
    total = masks.sum((1, 2, 3)).clamp(min=1e-6)
    down = (masks.sum((1, 3)) * y).sum(1) / total
    right = (masks.sum((1, 2)) * x).sum(1) / total
    move = torch.eye(2, 3, device=masks.device).repeat(len(masks), 1, 1)
    move[:, 0, 2], move[:, 1, 2] = right, down
    seen = torch.cat([(pictures.clamp(-1, 1) + 1) / 2 * masks, masks], 1)
    grid = functional.affine_grid(move, list(seen.shape), align_corners=False)
    return functional.grid_sample(seen, grid, align_corners=False)


def drawn_by_lot(count: int, seed: int) -> Tensor:
    """(count, 4) int64: each its own number first, and three others."""
    import numpy as np
    import torch

    random = np.random.RandomState(seed)
    rows = [[i, *random.choice(np.delete(np.arange(count), i), CHOICES - 1, False)] for i in range(count)]
    return torch.tensor(np.array(rows))


def accuracy(edited: Tensor, lent: Tensor, choices: Tensor) -> float:
    """Share of the parts whose nearest among four is the first; a tie is half right with two, and so on.

    Args:
        edited: (n, 4, h, w), from `cut_out`.
        lent: (n, 4, h, w), likewise.
        choices: (n, 4), from `drawn_by_lot`.
    """
    far = (edited[:, None] - lent[choices]).square().mean((2, 3, 4))
    nearest = far <= far.min(1, keepdim=True).values
    return float((nearest[:, 0] / nearest.sum(1)).mean())
