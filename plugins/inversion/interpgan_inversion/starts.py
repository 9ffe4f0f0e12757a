"""Where a search begins."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, Progress
from interpgan_inversion.goal import Goal
from interpgan_inversion.loss import Likeness
from interpgan_inversion.scale import Scale

SURE = 0.9  # weight of a class at the start, for a weight of exactly 1 could not be moved


def from_mean(generator: Generator, scale: Scale, count: int) -> LatentBatch:
    """The mean code, for each of `count` pictures.

    Raises:
        InterpganError: if the space has no mean that is a code like others.
    """
    if scale.space.mean is None:
        raise InterpganError(
            f"space {scale.space.name} of this generator has no mean; leave start at samples"
        )
    labels = None
    if generator.classes:
        labels = torch.full((count, generator.classes), 1 / generator.classes, device=generator.device)
    codes = scale.space.mean.expand(count, *scale.space.shape).clone()
    return LatentBatch(codes, scale.space, labels)


@torch.no_grad()
def from_samples(
    generator: Generator,
    space: str,
    likeness: Likeness,
    goal: Goal,
    count: int,
    batch_size: int,
    progress: Progress,
) -> LatentBatch:
    """For each picture the sample that is most like it, and so, of a conditional generator, its class.

    Args:
        generator: that draws the samples.
        space: of the result.
        likeness: the loss.
        goal: n pictures; samples are drawn as it says.
        count: samples to choose from; their seeds begin at 0.
        batch_size: samples at once.
        progress: shows how far it is.

    Returns:
        n codes.
    """
    best = torch.full((len(goal.targets.images),), torch.inf)
    chosen = torch.zeros(len(best), dtype=torch.int64)
    starts = range(0, count, batch_size)
    for start in progress(starts, total=len(starts), what=f"looking through {count} samples"):
        batch = generator.sample(range(start, min(start + batch_size, count)))
        losses, rows = goal.all_losses(goal.images(generator, batch), likeness).cpu().min(1)
        better = losses < best
        best, chosen = torch.where(better, losses, best), torch.where(better, start + rows, chosen)
    batch = generator.to_space(generator.sample(chosen.tolist()), space)
    return replace(batch, seeds=None)


def as_logits(labels: Tensor) -> Tensor:
    """Class weights, (n, classes), as numbers of which they are the softmax, but for `SURE`."""
    return (SURE * labels + (1 - SURE) / labels.shape[1]).log()


def layered_space(generator: Generator) -> str:
    """The space with a code for each layer, where images come nearest; the first space where there is none."""
    for name, space in generator.spaces.items():
        if space.base is not None or len(space.shape) == 2:
            return name
    return next(iter(generator.spaces))
