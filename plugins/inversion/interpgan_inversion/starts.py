"""Where a search begins, and how long its steps are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, Progress
from interpgan_inversion.loss import Features, Likeness

SAMPLES = 1000  # of which centre and spread are taken
SHARE = 0.05  # of the mean spread: entries that hardly vary in samples do not become infinitely stiff
SURE = 0.9  # weight of a class at the start, for a weight of exactly 1 could not be moved


@dataclass(frozen=True, eq=False)
class Scale:
    """Codes as numbers that mean the same in every space: deviations from the mean of the samples.

    Args:
        space: of the codes.
        centre: (*space.shape) float32.
        spread: (*space.shape) float32, above 0; standard deviations.
    """

    space: LatentSpace
    centre: Tensor
    spread: Tensor

    @classmethod
    def of(cls, generator: Generator, name: str) -> Scale:
        """From samples.

        Raises:
            InterpganError: if the generator has no such space.
        """
        first = next(iter(generator.spaces))
        generator.to_space(generator.sample([0]), name)  # says so where there is no such space
        with torch.no_grad():
            seeds = range(SAMPLES)
            codes = torch.cat([b.codes for b in generator.stream(seeds, space=name or first)])
        space = generator.spaces[name]
        spread = codes.std(0)
        centre = codes.mean(0) if space.mean is None else space.mean
        return cls(space, centre, spread.clamp(min=float(SHARE * spread.mean())))

    def apart(self, codes: Tensor) -> Tensor:
        """Codes (n, *shape) as deviations."""
        return (codes - self.centre) / self.spread

    def codes(self, apart: Tensor) -> Tensor:
        """Deviations (n, *shape) as codes."""
        return self.centre + self.spread * apart


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
    targets: Features,
    count: int,
    batch_size: int,
    progress: Progress,
) -> LatentBatch:
    """For each picture the sample that is most like it, and so, of a conditional generator, its class.

    Args:
        generator: that draws the samples.
        space: of the result.
        likeness: the loss.
        targets: n pictures.
        count: samples to choose from; their seeds begin at 0.
        batch_size: samples at once.
        progress: shows how far it is.

    Returns:
        n codes.
    """
    best = torch.full((len(targets.images),), torch.inf)
    chosen = torch.zeros(len(best), dtype=torch.int64)
    starts = range(0, count, batch_size)
    for start in progress(starts, total=len(starts), what=f"looking through {count} samples"):
        batch = generator.sample(range(start, min(start + batch_size, count)))
        found = likeness.features_of(generator.images(batch, batch_size))
        for i in range(len(best)):
            loss, row = likeness.loss(found, targets[i : i + 1]).cpu().min(0)
            if loss < best[i]:
                best[i], chosen[i] = loss, start + row
    batch = generator.to_space(generator.sample(chosen.tolist()), space)
    return replace(batch, seeds=None)


def as_logits(labels: Tensor) -> Tensor:
    """Class weights, (n, classes), as numbers of which they are the softmax, but for `SURE`."""
    return (SURE * labels + (1 - SURE) / labels.shape[1]).log()


def layered_space(generator: Generator) -> str:
    """The space with a code for each layer, where images come nearest; the first space where there is none."""
    for name, space in generator.spaces.items():
        if space.base is not None:
            return name
    return next(iter(generator.spaces))
