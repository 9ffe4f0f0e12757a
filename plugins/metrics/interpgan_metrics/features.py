"""What every measurement starts from: its parameters, pictures of the data and of the generator, their features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    FeatureNet,
    Generator,
    ImageSet,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Seeds,
    check_batch_size,
)

if TYPE_CHECKING:
    from torch import Tensor

Count = Annotated[int, Field(ge=1)]
"""How many of something: a whole number, 1 at least."""


class Comparison(Operator):
    """What the operators that compare real pictures with samples have in common."""

    data: Input[ImageSet]
    """The real pictures."""
    seeds: Seeds = "0-9999"
    """The samples to draw."""
    real: Count = 10000
    """At most so many pictures of the data, chosen at random, the same ones in every run."""
    batch_size: Count = 16

    def check(self, generator: Generator) -> None:
        seeds = len(Ranges(self.seeds))
        check_batch_size(generator, self.batch_size, seeds)
        self.check_counts(seeds, min(self.real, len(self.data)))

    @abstractmethod
    def check_counts(self, generated: int, real: int) -> None:
        """Check that there are enough pictures.

        Raises:
            InterpganError: if there are not.
        """


def chosen(data: ImageSet, count: int) -> list[int]:
    """At most `count` positions in the data, in random order; the same ones in every run."""
    import numpy as np

    rows: list[int] = np.random.RandomState(0).permutation(len(data))[:count].tolist()
    return rows


def real_pictures(
    data: ImageSet, rows: Sequence[int], batch_size: int, progress: Progress
) -> Iterator[Tensor]:
    """Pictures of the data, (at most batch_size, 3, r, r) float32 in [-1, 1] each time."""
    starts = range(0, len(rows), batch_size)
    for start in progress(starts, total=len(starts), what=f"measuring {len(rows)} real pictures"):
        yield data.images(list(rows[start : start + batch_size]))


def generated_pictures(
    generator: Generator, seeds: Sequence[int], batch_size: int, progress: Progress
) -> Iterator[Tensor]:
    """Pictures of samples, (at most batch_size, 3, h, w) float32 in [-1, 1] each time, rounded as in a file."""
    batches = generator.stream(seeds, batch_size)
    parts = -(-len(seeds) // batch_size)
    for batch in progress(batches, total=parts, what=f"measuring {len(seeds)} samples"):
        yield to_bytes(generator.images(batch, batch_size)).float() / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """What a file keeps of generated pictures; real pictures come from files, and fine steps tell them apart.

    Args:
        images: (n, 3, h, w) float32; -1 is black, 1 is white.

    Returns:
        (n, 3, h, w) uint8.

    Raises:
        InterpganError: if a number is not finite.
    """
    import torch

    if not torch.isfinite(images).all():
        raise InterpganError(
            "the generator drew numbers that are not finite; load it with precision: float32"
        )
    return (images * 127.5 + 128).clamp(0, 255).to(torch.uint8)


def vectors(net: FeatureNet, pictures: Iterable[Tensor]) -> Iterator[Tensor]:
    """Features of pictures, batch by batch.

    Args:
        net: the extractor.
        pictures: (b, 3, h, w) float32 in [-1, 1] each.

    Returns:
        (b, d) float32 on the CPU each.

    Raises:
        InterpganError: if the extractor returns another shape, or numbers that are not finite.
    """
    import torch

    size = None
    for images in pictures:
        with torch.no_grad():
            found = net.features(images).float().cpu()
        size = found.shape[-1] if size is None else size
        if tuple(found.shape) != (len(images), size):
            raise InterpganError(
                f"the extractor {net.name} returned features of shape {tuple(found.shape)} for {len(images)} "
                "pictures; correct it: it must return one vector for each, all of the same length"
            )
        if not torch.isfinite(found).all():
            raise InterpganError(
                f"the extractor {net.name} returned numbers that are not finite; use another one"
            )
        yield found


def feature_count(net: FeatureNet, data: ImageSet) -> int:
    """How many features an extractor has: it is tried on the first image of the data.

    Raises:
        InterpganError: as in `vectors`.
    """
    (found,) = vectors(net, [data.images(slice(0, 1))])
    return found.shape[1]
