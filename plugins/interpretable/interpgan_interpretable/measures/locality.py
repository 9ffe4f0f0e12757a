"""The operator `interpretable.locality`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
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


class MeasureLocality(Operator):
    """Whether edits of a part change that part alone: the change outside the part, divided by that inside.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 4: Out-MSE / In-MSE. What it
        does not say: here the part is where the segmenter finds it before or after the edit, and errors are averaged
        over the samples before they are divided.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    edits: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """The same samples after each edit, by a name for it."""
    segmenter: Input[Segmenter]
    parts: Parts
    """Which of the segmenter's parts the edits are meant for."""

    def check(self) -> None:
        check_parts(self.segmenter, self.parts)

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if an edit has another number of samples, or there is no such part.
        """
        check_equal_lengths({"before": self.before, **self.edits})
        what = f"measuring {len(self.edits)} edits"
        rows = [
            (name, *self._measured(batch, generator))
            for name, batch in progress(self.edits.items(), total=len(self.edits), what=what)
        ]
        named = " and ".join(self.parts)
        note = (
            "Mean squared change of a pixel, from -1 to 1, outside and inside the part, and their ratio: the lower, "
            "the more local."
        )
        columns = ("edit", "outside", "inside", "locality")
        return Report(
            tables=(Table(f"Locality: {named}, {len(self.before)} samples", columns, tuple(rows), note),)
        )

    def _measured(self, batch: LatentBatch, generator: Generator) -> tuple[float | None, ...]:
        """Out-MSE, In-MSE and their ratio; None where there is no pixel, or nothing changed inside."""
        import torch

        found = []
        with torch.no_grad():
            for pair in zip(self.before.split(1), batch.split(1), strict=True):
                old, new = (generator.images(one) for one in pair)
                masks = [mask_of(self.segmenter, p, self.parts, p.shape[2:]) for p in (old, new)]
                found.append(change(old, new, torch.maximum(*masks)))
        outside, inside = torch.cat(found).nanmean(0).tolist()
        ratio = outside / inside if inside > 0 else float("nan")
        return tuple(None if x != x else x for x in (outside, inside, ratio))


def change(old: Tensor, new: Tensor, mask: Tensor) -> Tensor:
    """The mean squared difference of images outside and inside a mask.

    Args:
        old, new: (n, 3, h, w).
        mask: (n, 1, h, w) from 0 to 1.

    Returns:
        (n, 2) float64, outside and inside; NaN where there is no pixel.
    """
    import torch

    error = (new - old).double().square().mean(1, keepdim=True)
    sides = (1 - mask.double(), mask.double())
    return torch.stack([(error * side).sum((1, 2, 3)) / side.sum((1, 2, 3)) for side in sides], 1)
