"""The operator `interpretable.transfer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Parts,
    Progress,
    Report,
    Segmenter,
    Table,
    check_equal_lengths,
    check_parts,
    mask_of,
)

if TYPE_CHECKING:
    from torch import Tensor

CHOICES = 4
MIN_AREA = 4.0  # pixels: a part that fills less is not in the picture


class MeasureTransfer(Operator):
    """How often the source of a part is recognised among four pictures, by the part alone.

    Parts are compared by colour and shape: pictures of the part, black elsewhere, are aligned by their centres of mass,
    and the nearest in mean squared difference is chosen. Each edited picture is one question; its choices are its own
    source and three random others. Sources that do not show the part are left out. The unedited pictures are measured
    too: they reach a quarter, unless a source happens to look like them.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 2, where people chose.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    source: Input[LatentBatch]
    """The source of the part of each of them."""
    edits: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """The same samples after each edit, by a name for it."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts the edits are meant for."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the random choices."""

    def check(self) -> None:
        check_parts(self.segmenter, self.parts)

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if batches differ in size, or fewer than four sources show the part.
        """
        import torch

        batches = {"(unchanged)": self.before, **self.edits}
        check_equal_lengths({"before": self.before, "source": self.source, **self.edits})
        with torch.no_grad():
            sources, areas = self._cut_out(self.source, generator)
            shown = (areas >= MIN_AREA).nonzero().flatten()
            if len(shown) < CHOICES:
                raise InterpganError(
                    f"{len(shown)} of the sources show {' or '.join(self.parts)}, and {CHOICES} are needed; give "
                    "more samples"
                )
            choices = random_choices(len(shown), self.seed)
            rows = []
            for name, batch in progress(batches.items(), total=len(batches), what="recognising parts"):
                parts = self._cut_out(batch, generator)[0][shown]
                rows.append((name, 100 * accuracy(parts, sources[shown], choices)))
        note = f"{len(shown)} questions of four choices; chance gives 25 %."
        title = f"Source recognised by the part: {' and '.join(self.parts)}"
        return Report(tables=(Table(title, ("edit", "% right"), tuple(rows), note),))

    def _cut_out(self, batch: LatentBatch, generator: Generator) -> tuple[Tensor, Tensor]:
        """The part of each picture alone, and how many pixels it fills."""
        import torch

        parts, areas = [], []
        for image in generator.iter_images(batch):
            mask = mask_of(self.segmenter, image, self.parts, image.shape[2:])
            parts.append(cut_out(image, mask))
            areas.append(mask.sum((1, 2, 3)))
        return torch.cat(parts), torch.cat(areas)


def cut_out(images: Tensor, masks: Tensor) -> Tensor:
    """Parts alone, their centres of mass in the middle.

    Args:
        images: (n, 3, h, w) in [-1, 1].
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
    parts = torch.cat([(images.clamp(-1, 1) + 1) / 2 * masks, masks], 1)
    grid = functional.affine_grid(move, list(parts.shape), align_corners=False)
    return functional.grid_sample(parts, grid, align_corners=False)


def random_choices(count: int, seed: int) -> Tensor:
    """(count, 4) int64: its own number first in each row, then three random others."""
    import numpy as np
    import torch

    random = np.random.RandomState(seed)
    rows = [[i, *random.choice(np.delete(np.arange(count), i), CHOICES - 1, False)] for i in range(count)]
    return torch.tensor(np.array(rows))


def accuracy(edited: Tensor, sources: Tensor, choices: Tensor) -> float:
    """Share of the parts whose nearest among four is the first; a tie of two counts half, and so on.

    Args:
        edited: (n, 4, h, w), from `cut_out`.
        sources: (n, 4, h, w), likewise.
        choices: (n, 4), from `random_choices`.
    """
    differences = (edited[:, None] - sources[choices]).square().mean((2, 3, 4))
    nearest = differences <= differences.min(1, keepdim=True).values
    return float((nearest[:, 0] / nearest.sum(1)).mean())
