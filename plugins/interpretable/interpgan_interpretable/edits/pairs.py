"""Two batches as one: each sample beside the one that it is exchanged with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core import FeatureEdit, Generator, LatentBatch

if TYPE_CHECKING:
    from torch import Tensor


def interleaved(generator: Generator, a: LatentBatch, b: LatentBatch) -> LatentBatch:
    """a0 b0 a1 b1 …, with the edits that each had; codes are carried to the later space of the two.

    Args:
        generator: theirs.
        a, b: n samples each.

    Returns:
        2n samples; without seeds where one of the two has none.
    """
    import torch

    space = max(a.space.name, b.space.name, key=list(generator.spaces).index)
    a, b = generator.to_space(a, space), generator.to_space(b, space)

    def both(left: Tensor | None, right: Tensor | None) -> Tensor | None:
        return None if left is None or right is None else torch.cat([left, right])

    n = len(a)
    after = tuple(_padded(edit, n, before=0, after=n) for edit in a.edits)
    before = tuple(_padded(edit, n, before=n, after=0) for edit in b.edits)
    joined = replace(
        a,
        codes=torch.cat([a.codes, b.codes]),
        labels=both(a.labels, b.labels),
        seeds=both(a.seeds, b.seeds),
        edits=after + before,
        grid=None,
    )
    return joined[torch.arange(2 * n).view(2, n).T.flatten()]


def _padded(edit: FeatureEdit, count: int, before: int, after: int) -> FeatureEdit:
    """An edit of `count` samples as one of more samples; it leaves those before and after them alone."""
    import torch

    def rows(tensor: Tensor) -> Tensor:
        own = tensor.expand(count, *tensor.shape[1:])
        edges = [tensor.new_zeros(extra, *tensor.shape[1:]) for extra in (before, after)]
        return torch.cat([edges[0], own, edges[1]])

    return replace(edit, value=rows(edit.value), weight=rows(edit.weight))
