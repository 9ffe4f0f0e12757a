"""How much scores change with each entry of a code: gradients through the generator and the scorer, over samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, LatentBatch, Progress, Ranges, Scorer, score_images
from interpgan_stylespace.channels import STILL

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Effects:
    """Of d entries of a code on a scores; float64, on the CPU.

    Args:
        signed: (d, a); mean change of a score, in its standard deviations, for one standard deviation of an entry.
        size: (d, a); the mean of its absolute value.
        deviation: (d,); standard deviation of each entry.
    """

    signed: Tensor
    size: Tensor
    deviation: Tensor


def check_gradient(scorer: Scorer, generator: Generator) -> None:
    """Check that scores have gradients; scores one sample.

    Raises:
        InterpganError: if they have none.
    """
    _gradients(generator.sample([0]), generator, scorer)


def effects(
    generator: Generator, scorer: Scorer, space: str, seeds: Ranges, batch_size: int, progress: Progress
) -> Effects:
    """First-order effects of every entry of the codes of a space, averaged over samples, in constant memory.

    Args:
        generator: that draws.
        scorer: that has gradients.
        space: of the codes; one with a vector for each layer is taken entry by entry.
        seeds: two at least.
        batch_size: samples at once.
        progress: shows how far it is.

    Raises:
        InterpganError: if the scorer has no gradients.
    """
    import torch

    sums: list[Tensor] = []
    origin: list[Tensor] = []
    count, total = 0, ceil(len(seeds) / batch_size)
    what = f"differentiating {len(seeds)} samples in {space}"
    for batch in progress(generator.stream(seeds, batch_size, space), total=total, what=what):
        scores, slopes = _gradients(batch, generator, scorer)
        codes = batch.codes.detach().flatten(1).cpu().double()
        if not origin:  # near the means, so that little cancels
            origin = [codes.mean(0), scores.mean(0)]
        moments = [(codes - origin[0]), (scores - origin[1])]
        new = [slopes.sum(0), slopes.abs().sum(0)]
        for moment in moments:
            new += [moment.sum(0), moment.square().sum(0)]
        sums = [old + more for old, more in zip(sums, new, strict=True)] if sums else new
        count += len(batch)
    of_codes, of_scores = (
        ((square - first.square() / count).clamp_min(0) / max(count - 1, 1)).sqrt()
        for first, square in (sums[2:4], sums[4:6])
    )
    of_codes = torch.where(of_codes > STILL * of_codes.median(), of_codes, 0.0)
    scale = of_codes[:, None] / of_scores.clamp_min(1e-300)
    scale = torch.where(of_scores > 0, scale, 0.0)
    return Effects(sums[0] / count * scale, sums[1] / count * scale, of_codes)


def _gradients(batch: LatentBatch, generator: Generator, scorer: Scorer) -> tuple[Tensor, Tensor]:
    """(n, a) scores and (n, d, a) their gradients to the codes; float64, on the CPU."""
    import torch

    with torch.enable_grad():
        codes = batch.codes.detach().clone().requires_grad_(True)
        images = generator.images(replace(batch, codes=codes), len(codes))
        score_images(scorer, images.detach()[:1])  # says what is wrong with its shape
        scores = scorer(images)
        if not scores.requires_grad:
            raise InterpganError(
                "this scorer's numbers have no gradient to the picture; choose samples that have the attribute and "
                "name them in 'positives', or take a scorer that is a network"
            )
        columns = [
            torch.autograd.grad(scores[:, j].sum(), codes, retain_graph=True)[0]
            for j in range(scores.shape[1])
        ]
    slopes = torch.stack(columns, -1).flatten(1, -2)
    return scores.detach().cpu().double(), slopes.cpu().double()
